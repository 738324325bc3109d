/** Reads what the server put into `<script type="application/json" id="…">`. */
export function pageData<T>(id: string): T {
  const element = document.getElementById(id);
  if (!element?.textContent) throw new Error(`The page carries no data "${id}".`);
  return JSON.parse(element.textContent) as T;
}
