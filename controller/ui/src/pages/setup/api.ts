// The first run: whether it is still to be done, and what it asks for.
import { queryOptions } from '@tanstack/react-query';
import { api } from '../../api/client';

export interface SetupState {
  /** Nobody is there yet, and whoever has the code of the log may begin. */
  needed: boolean;
}

export const qSetup = queryOptions({
  queryKey: ['setup'],
  queryFn: ({ signal }) => api.everywhere<SetupState>('/setup', undefined, signal),
  staleTime: 60_000,
  retry: false,
});
