// Numbers as people read them, and what follows from the server's counts. Pure.

// "9223372036854775807" -> "9,223,372,036,854,775,807". Works on text: ids pass 2^53.
export function grouped(digits) {
  return String(digits).replace(/\B(?=(\d{3})+$)/g, ",");
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// Whole up to 999,999,999,999, then with three digits: "9.22 × 10¹⁸".
export function rounded(digits) {
  const text = String(digits);
  if (text.length <= 12) return grouped(text);
  const power = [...String(text.length - 1)].map((digit) => SUPERSCRIPTS[digit]).join("");
  return `${text[0]}.${text.slice(1, 3)} × 10${power}`;
}

// One decimal below 100, none above: "0", "0.4", "31.2", "24,118".
export function quantity(number) {
  if (number === 0) return "0";
  if (number < 0.05) return "< 0.1";
  return number < 99.95 ? number.toFixed(1) : grouped(Math.round(number));
}

export function microseconds(us) {
  if (us < 999.5) return `${Math.round(us)} µs`;
  if (us < 999_500) return `${(us / 1000).toPrecision(us < 9_950 ? 2 : 3)} ms`;
  return `${(us / 1e6).toPrecision(3)} s`;
}

export function percent(share) {
  const hundredths = Math.floor(share * 10_000) / 100;  // Never 100% while some are missing.
  return `${hundredths.toFixed(hundredths > 99 && hundredths < 100 ? 2 : 0)}%`;
}

const UNITS = [["day", 86_400], ["h", 3_600], ["min", 60]];

// "3 days 4 h", "12 min", "8 s"
export function elapsed(seconds) {
  for (const [index, [name, size]] of UNITS.entries()) {
    if (seconds < size) continue;
    const whole = Math.floor(seconds / size);
    const first = `${whole} ${name}${name === "day" && whole > 1 ? "s" : ""}`;
    const [nextName, nextSize] = UNITS[index + 1] ?? ["s", 1];
    const rest = Math.floor((seconds % size) / nextSize);
    return name === "min" || rest === 0 ? first : `${first} ${rest} ${nextName}`;
  }
  return `${Math.floor(seconds)} s`;
}

// Days until a counter is used up: "1 hour", "12 days", "3 years". Null beyond a century.
export function until(days) {
  if (days === null || days > 36_525) return null;
  const hours = Math.round(days * 24);
  if (hours < 2) return "1 hour";
  if (days < 2) return `${hours} hours`;
  if (days < 730) return `${Math.round(days)} days`;
  return `${Math.round(days / 365.25)} years`;
}

// What came since: entry by entry.
export function difference(now, before) {
  return now.map((count, index) => count - before[index]);
}

export function sum(counts) {
  return counts.reduce((total, count) => total + count, 0);
}

// The value below which the share `q` of a histogram is, as a straight line inside its bucket.
// Entry i of `counts` is of values up to bounds[i], the last one of all beyond, which has no end:
// its bound stands for it. Null where nothing was counted.
export function quantile(bounds, counts, q) {
  const rank = sum(counts) * q;
  if (rank === 0) return null;
  let below = 0;
  for (const [index, bound] of bounds.entries()) {
    if (below + counts[index] >= rank) {
      const from = index === 0 ? 0 : bounds[index - 1];
      return from + ((bound - from) * (rank - below)) / counts[index];
    }
    below += counts[index];
  }
  return bounds.at(-1);
}

// The least round number that is not below `value`: where an axis ends.
export function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value * (1 - 1e-9));
}
