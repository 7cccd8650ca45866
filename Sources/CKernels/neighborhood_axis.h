// The windows along one axis of a map. Read by the loops for processors and by the kernels for GPUs: no headers.
#pragma once

namespace mvar::neighborhood {

/// NATTEN's rule: at the borders a window is moved inwards, not cut.
template <typename Integer>
struct AxisOf {
  Integer length, kernel;  // 1 ≤ kernel ≤ length

  /// The first of the `kernel` keys that a query sees.
  Integer start(Integer query) const {
    const Integer wanted = query - kernel / 2, last = length - kernel;
    return wanted < 0 ? 0 : wanted > last ? last : wanted;
  }

  /// One past the last of them.
  Integer end(Integer query) const { return start(query) + kernel; }

  /// Whether a query sees a key.
  bool sees(Integer query, Integer key) const {
    const Integer first = start(query);
    return key >= first && key < first + kernel;
  }

  /// The first of the queries that see a key; they follow each other.
  Integer first_query(Integer key) const { return key < kernel ? 0 : key - kernel + 1 + kernel / 2; }

  /// One past the last of them.
  Integer end_query(Integer key) const { return key >= length - kernel ? length : key + kernel / 2 + 1; }

  /// No key is seen by more queries than this: the last key of a window that stands at a border, unless it is the last
  /// of both borders' windows.
  Integer most_queries() const { return length < 2 * kernel ? length : kernel + kernel / 2; }
};

}  // namespace mvar::neighborhood
