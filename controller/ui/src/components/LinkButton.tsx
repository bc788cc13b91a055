// A button that goes somewhere: typed like every other link, with its filters.
import { Button, type ButtonProps } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import { forwardRef, type ReactNode } from 'react';

const Anchor = forwardRef<HTMLAnchorElement, ButtonProps & { children?: ReactNode }>((props, ref) => <Button ref={ref} component="a" {...props} />);
Anchor.displayName = 'Anchor';

export const LinkButton = createLink(Anchor);
