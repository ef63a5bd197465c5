/**
 * Decodes percent-encoded text. A `%` that does not begin an escape stays as it is. Bytes that are
 * not UTF-8 are decoded as ISO 8859-1.
 */
export function decodePercent(text: string): string {
  return text.replaceAll(/(?:%[\da-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return String.fromCharCode(...escapes.split("%").slice(1).map((hex) => parseInt(hex, 16)));
    }
  });
}
