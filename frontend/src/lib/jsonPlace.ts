/** Where in a JSON text the value lies that a pointer leads to. */
import { parsePointer } from "./pointer";

export interface Place {
  start: number;
  end: number;
}

/** The value's first and last character; of a value that is not there, those of what would hold it. null: no JSON. */
export function placeOf(text: string, pointer: string): Place | null {
  const reader = new Reader(text);
  try {
    return reader.find(parsePointer(pointer));
  } catch (error) {
    if (error instanceof NoJson) return null;
    throw error;
  }
}

class NoJson extends Error {}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  find(wanted: string[]): Place {
    this.space();
    const start = this.at;
    const opening = this.text[this.at];
    const [next, ...rest] = wanted;
    if (next !== undefined && (opening === "{" || opening === "[")) {
      const found = this.within(opening, next, rest);
      if (found) return found;
    } else {
      this.value();
    }
    return { start, end: this.at };
  }

  /** Reads a list or object; the place below `next` where it has that. */
  private within(opening: string, next: string, rest: string[]): Place | null {
    const closing = opening === "{" ? "}" : "]";
    this.at += 1;
    for (let index = 0; ; index += 1) {
      this.space();
      if (this.text[this.at] === closing) {
        this.at += 1;
        return null;
      }
      let name = String(index);
      if (opening === "{") {
        name = this.string();
        this.space();
        this.expect(":");
      }
      if (name === next) return this.find(rest);
      this.value();
      this.space();
      if (this.text[this.at] === ",") this.at += 1;
    }
  }

  private value(): void {
    this.space();
    const first = this.text[this.at];
    if (first === '"') this.string();
    else if (first === "{" || first === "[") this.within(first, "\u0000", []);
    else {
      const scalar = /^[-+.\w]+/.exec(this.text.slice(this.at, this.at + 400));
      if (!scalar) throw new NoJson();
      this.at += scalar[0].length;
    }
  }

  private string(): string {
    const start = this.at;
    this.expect('"');
    while (this.text[this.at] !== '"') {
      if (this.at >= this.text.length) throw new NoJson();
      this.at += this.text[this.at] === "\\" ? 2 : 1;
    }
    this.at += 1;
    try {
      return JSON.parse(this.text.slice(start, this.at)) as string;
    } catch {
      throw new NoJson();
    }
  }

  private expect(character: string): void {
    if (this.text[this.at] !== character) throw new NoJson();
    this.at += 1;
  }

  private space(): void {
    while (this.at < this.text.length && " \n\r\t".includes(this.text[this.at] as string)) this.at += 1;
    if (this.at >= this.text.length) throw new NoJson();
  }
}
