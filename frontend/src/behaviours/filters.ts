/**
 * `<form data-filters>`: empty fields stay out of the URL, so that a shared link says only what was chosen.
 *
 * The form itself works by htmx (`hx-get`, `hx-trigger="input changed delay:250ms, change"`) or by a plain submit.
 */
export function withoutEmpty(values: Iterable<[string, FormDataEntryValue]>): URLSearchParams {
  const kept = new URLSearchParams();
  for (const [name, value] of values)
    if (typeof value === "string" && value.trim() !== "") kept.append(name, value.trim());
  return kept;
}

export function filters(): void {
  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, parameters } = (event as CustomEvent<{ elt: HTMLElement; parameters: Record<string, unknown> }>)
      .detail;
    if (!elt.closest("form[data-filters]")) return;
    for (const [name, value] of Object.entries(parameters)) {
      if (typeof value === "string" && value.trim() === "") delete parameters[name];
    }
  });
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.matches("form[data-filters]")) return;
    event.preventDefault();
    const query = withoutEmpty(new FormData(form)).toString();
    location.assign(query ? `${form.action.split("?")[0]}?${query}` : form.action);
  });
}
