import { stick } from "./host";

const MOST: u32 = 0x10ffff;

/** The end of a range of composite keys. */
export function rangeEnd(start: string): string {
  return start + String.fromCodePoint(MOST);
}

/**
 * A key of several parts, in Fabric's form: U+0000, the object type, U+0000, and
 * each attribute followed by U+0000. No part may hold U+0000 or U+10FFFF;
 * otherwise the transaction fails and the key is empty.
 */
export function compositeKey(objectType: string, attributes: string[]): string {
  let key = "\0" + objectType + "\0";
  let good = isPart(objectType);
  for (let i = 0; i < attributes.length; i++) {
    good = good && isPart(attributes[i]);
    key += attributes[i] + "\0";
  }
  if (good) return key;
  stick(-100, "a composite key may contain neither U+0000 nor U+10FFFF: they end and bound its parts");
  return "";
}

function isPart(s: string): bool {
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i);
    if (c == 0 || (c == 0xdbff && i + 1 < s.length && s.charCodeAt(i + 1) == 0xdfff)) return false;
  }
  return true;
}

/** The parts of a composite key, the object type first; none if it is no such. */
export function splitCompositeKey(key: string): string[] {
  if (key.length < 2 || key.charCodeAt(0) != 0 || key.charCodeAt(key.length - 1) != 0) return [];
  return key.substring(1, key.length - 1).split("\0");
}
