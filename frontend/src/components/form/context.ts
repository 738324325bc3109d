/** Which fields may show their problems. */
export interface FormState {
  touched: ReadonlySet<string>;
  showAll: boolean;
}

export const QUIET: FormState = { touched: new Set(), showAll: false };

export function mayShow(state: FormState | undefined, id: string): boolean {
  return Boolean(state?.showAll || state?.touched.has(id));
}
