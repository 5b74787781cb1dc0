// Whole numbers. AssemblyScript's own arithmetic wraps around silently.

// The largest number is MOST with LAST as one more digit. A division for each
// digit would be what parsing takes longest.
const MOST: i64 = i64.MAX_VALUE / 10;
const LAST: i32 = i32(i64.MAX_VALUE % 10);

/** A whole number without sign, as people write it; -1 if it is none or too big. */
export function parseWhole(text: string): i64 {
  if (text.length == 0) return -1;
  let n: i64 = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9 || n > MOST || (n == MOST && digit > LAST)) return -1;
    n = n * 10 + digit;
  }
  return n;
}

/** Whether a + b fits. */
export function canAdd(a: i64, b: i64): bool {
  const sum = a + b;
  return ((a ^ sum) & (b ^ sum)) >= 0;
}

/** Whether a - b fits. */
export function canSub(a: i64, b: i64): bool {
  const difference = a - b;
  return ((a ^ b) & (a ^ difference)) >= 0;
}

/** Whether a * b fits. */
export function canMul(a: i64, b: i64): bool {
  if (a == 0 || b == 0) return true;
  if ((a == -1 && b == i64.MIN_VALUE) || (b == -1 && a == i64.MIN_VALUE)) return false;
  return (a * b) / b == a;
}

/** a + b; the transaction ends if it does not fit. */
export function add(a: i64, b: i64): i64 {
  if (!canAdd(a, b)) throw new Error("a sum does not fit into 64 bits");
  return a + b;
}

/** a - b; the transaction ends if it does not fit. */
export function sub(a: i64, b: i64): i64 {
  if (!canSub(a, b)) throw new Error("a difference does not fit into 64 bits");
  return a - b;
}

/** a * b; the transaction ends if it does not fit. */
export function mul(a: i64, b: i64): i64 {
  if (!canMul(a, b)) throw new Error("a product does not fit into 64 bits");
  return a * b;
}
