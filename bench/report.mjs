/** The table and the targets in text. */

const COLUMNS = [
  { title: 'what', text: (row) => [row.name, row.message].filter(Boolean).join(' ') },
  { title: 'etype', text: (row) => row.etype },
  { title: 'provider', text: (row) => row.provider },
  { title: 'octets', text: (row) => row.bytes, right: true },
  { title: 'median us', text: (row) => row.medianUs.toFixed(2), right: true },
  { title: 'x raw node:crypto', text: (row) => row.ratioToNodeRaw?.toFixed(2), right: true },
  { title: 'MIT klist us', text: (row) => row.klistUs?.toFixed(0), right: true },
  { title: 'x ten tickets', text: (row) => row.ratioToTen?.toFixed(2), right: true },
  { title: 'KDC us', text: (row) => row.kdcUs?.toFixed(0), right: true },
  {
    title: 'PBKDF2 share',
    text: (row) => row.pbkdf2Share && `${(100 * row.pbkdf2Share).toFixed(0)} %`,
    right: true,
  },
];

/** Prints one suite; columns without a value in it are left out. */
export function printRows(suite, rows) {
  const columns = COLUMNS.map((column) => ({
    ...column,
    cells: [column.title, ...rows.map((row) => String(column.text(row) ?? ''))],
  })).filter(({ cells }) => cells.slice(1).some((cell) => cell !== ''));
  console.log(`\n${suite}`);
  for (let line = 0; line <= rows.length; line++)
    console.log(columns.map((c) => aligned(c, line)).join('  '));
}

function aligned({ cells, right }, line) {
  const width = Math.max(...cells.map((cell) => cell.length));
  return right ? cells[line].padStart(width) : cells[line].padEnd(width);
}

const isNode = (row) => row.provider === 'node';
const TARGETS = [
  {
    text: 'SPNEGO token, mutual authentication, cached ticket: at most 150 us',
    of: (row) => isNode(row) && row.name === 'spnego token',
    figure: (row) => row.medianUs,
    limit: 150,
  },
  {
    text: "the same with verification of the acceptor's reply: at most 150 us",
    of: (row) => isNode(row) && row.name === 'spnego token and reply',
    figure: (row) => row.medianUs,
    limit: 150,
  },
  {
    text: 'sealing 1 MB: at most 2 x AES-CBC and HMAC of node:crypto',
    of: (row) => isNode(row) && row.name === 'seal' && row.bytes === 1_048_576,
    figure: (row) => row.ratioToNodeRaw,
    limit: 2,
  },
  {
    text: 'string-to-key: at most 1.2 x PBKDF2 of node:crypto',
    of: (row) => isNode(row) && row.name === 'string-to-key',
    figure: (row) => row.ratioToNodeRaw,
    limit: 1.2,
  },
  {
    text: 'lookup among 10,000 tickets: at most 2 x among 10',
    of: (row) => row.ratioToTen !== undefined,
    figure: (row) => row.ratioToTen,
    limit: 2,
  },
];

/** Prints the worst figure for each target whose suite ran. */
export function printTargets(rows) {
  const lines = TARGETS.flatMap(({ text, of, figure, limit }) => {
    const figures = rows.filter(of).map(figure);
    if (figures.length === 0) return [];
    const worst = Math.max(...figures);
    return [`  ${worst <= limit ? 'reached' : 'MISSED '}  ${worst.toFixed(2).padStart(7)}  ${text}`];
  });
  if (lines.length === 0) return;
  console.log(['\ntargets (worst encryption type, node provider)', ...lines].join('\n'));
}
