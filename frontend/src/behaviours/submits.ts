/** `<select data-submits>` sends its form as soon as something else is chosen. Without scripts the form has a button. */
export function submits(): void {
  document.addEventListener("change", (event) => {
    const field = event.target as HTMLSelectElement;
    if (field.matches?.("select[data-submits]")) field.form?.requestSubmit();
  });
}
