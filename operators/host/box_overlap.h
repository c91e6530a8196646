// How much boxes overlap, as the operators that suppress boxes measure it.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace skiff::host {

/// Area of a box x1, y1, x2, y2. Where coordinates count pixels (not normalized) both ends belong to it.
template <typename T>
T BoxArea(const T* box, bool normalized) {
  if (box[2] < box[0] || box[3] < box[1]) return T(0);
  const T more = normalized ? T(0) : T(1);
  return (box[2] - box[0] + more) * (box[3] - box[1] + more);
}

/// Intersection over union.
template <typename T>
T BoxOverlap(const T* a, const T* b, bool normalized) {
  if (b[0] > a[2] || b[2] < a[0] || b[1] > a[3] || b[3] < a[1]) return T(0);
  const T more = normalized ? T(0) : T(1);
  const T width = std::min(a[2], b[2]) - std::max(a[0], b[0]) + more;
  const T height = std::min(a[3], b[3]) - std::max(a[1], b[1]) + more;
  const T common = width * height;
  return common / (BoxArea(a, normalized) + BoxArea(b, normalized) - common);
}

template <typename T>
using Polygon = std::vector<std::pair<T, T>>;

/// Twice the area, positive where the corners run counter-clockwise.
template <typename T>
T SignedArea2(const Polygon<T>& p) {
  T area = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const auto& [x, y] = p[i];
    const auto& [u, v] = p[(i + 1) % p.size()];
    area += x * v - y * u;
  }
  return area;
}

template <typename T>
Polygon<T> PolygonOf(const T* corners, int64_t numbers) {
  Polygon<T> p;
  for (int64_t i = 0; i + 1 < numbers; i += 2) p.emplace_back(corners[i], corners[i + 1]);
  return p;
}

/// What of `subject` lies in `clip`, a convex polygon (I. Sutherland and G. Hodgman, 1974).
template <typename T>
Polygon<T> ClipPolygon(Polygon<T> subject, const Polygon<T>& clip) {
  const T turn = SignedArea2(clip) < 0 ? T(-1) : T(1);
  for (size_t e = 0; e < clip.size() && !subject.empty(); ++e) {
    const auto [x0, y0] = clip[e];
    const auto [x1, y1] = clip[(e + 1) % clip.size()];
    const auto side = [&](const std::pair<T, T>& q) { return turn * ((x1 - x0) * (q.second - y0) - (y1 - y0) * (q.first - x0)); };
    Polygon<T> kept;
    for (size_t i = 0; i < subject.size(); ++i) {
      const auto &p = subject[i], &q = subject[(i + 1) % subject.size()];
      const T s = side(p), t = side(q);
      if (s >= 0) kept.push_back(p);
      if ((s > 0 && t < 0) || (s < 0 && t > 0)) {
        const T r = s / (s - t);
        kept.emplace_back(p.first + r * (q.first - p.first), p.second + r * (q.second - p.second));
      }
    }
    subject = std::move(kept);
  }
  return subject;
}

/// Intersection over union of two convex polygons x1, y1, x2, y2, ...; 0 where one has no area.
template <typename T>
T PolygonOverlap(const T* a, const T* b, int64_t numbers) {
  const Polygon<T> p = PolygonOf(a, numbers), q = PolygonOf(b, numbers);
  const T area_p = std::abs(SignedArea2(p)), area_q = std::abs(SignedArea2(q));
  const T common = std::abs(SignedArea2(ClipPolygon(p, q)));
  if (area_p == 0 || area_q == 0 || common == 0) return T(0);
  return common / (area_p + area_q - common);
}

/// Of boxes of 4 numbers, else of polygons.
template <typename T>
T Overlap(const T* a, const T* b, int64_t numbers, bool normalized) {
  return numbers == 4 ? BoxOverlap(a, b, normalized) : PolygonOverlap(a, b, numbers);
}

}  // namespace skiff::host
