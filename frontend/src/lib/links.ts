/** Which addresses from data may become links. */
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** The address when a click on it is harmless; null for `javascript:`, `data:`, relative and broken ones. */
export function safeLink(text: string): string | null {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text) || /[\u0000-\u0020]/.test(text)) return null;
  try {
    return SCHEMES.has(new URL(text).protocol) ? text : null;
  } catch {
    return null;
  }
}
