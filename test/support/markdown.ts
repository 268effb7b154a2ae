/** The little of Markdown that the documents' tests need. */

/** A fenced block. */
export interface CodeBlock {
  /** Line of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
}

/** The text without its fenced blocks, as many lines as before. */
function withoutCode(text: string): string {
  return text.replace(/^```.*\n[\s\S]*?^```$/gm, (block) => block.replace(/[^\n]/g, ''));
}

/** The blocks fenced as `language`. */
export function codeBlocks(text: string, language: string): CodeBlock[] {
  const blocks = text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm);
  return [...blocks]
    .filter((match) => match[1] === language)
    .map((match) => ({ line: text.slice(0, match.index).split('\n').length + 1, code: match[2]! }));
}

/** What stands between backticks. */
export function codeWords(text: string): string[] {
  return [...withoutCode(text).matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!);
}

/** Targets of links and images. */
export function linksOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
}

/** Anchors of the headings, as GitHub makes them. */
export function anchorsOf(text: string): string[] {
  const headings = withoutCode(text).matchAll(/^#+ (.+)$/gm);
  return [...headings].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Cells of the rows of all tables, headings and rules left out. */
export function tableRows(text: string): string[][] {
  const lines = withoutCode(text).split('\n');
  const isRule = (line: string | undefined): boolean => /^\|[\s|:-]+\|$/.test(line ?? '');
  return lines
    .filter((line, i) => line.startsWith('|') && !isRule(line) && !isRule(lines[i + 1]))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}
