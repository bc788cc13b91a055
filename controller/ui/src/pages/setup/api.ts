// The first run: whether it is still to be done, and what it asks for.
import { queryOptions } from '@tanstack/react-query';
import { api, Problem } from '../../api/client';

export interface SetupState {
  /** Nobody is there yet, and whoever has the code of the log may begin. */
  needed: boolean;
  /** What the form begins with. */
  branch?: { name: string; time_zone: string; currency: string };
}

export const qSetup = queryOptions({
  queryKey: ['setup'],
  queryFn: async ({ signal }): Promise<SetupState> => {
    try {
      return await api.everywhere<SetupState>('/setup', undefined, signal);
    } catch (error) {
      // Once somebody is there, the controller knows of no such page.
      if (error instanceof Problem && error.status === 404) return { needed: false };
      throw error;
    }
  },
  staleTime: 60_000,
  retry: false,
});
