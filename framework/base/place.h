// Where a tensor lives and a program runs.
#pragma once

#include <ostream>
#include <string>

namespace skiff {

enum class PlaceKind : int8_t { kCpu = 0, kCuda = 1 };

/// A device: the CPU, or the CUDA card with the given index.
struct Place {
  PlaceKind kind = PlaceKind::kCpu;
  int id = 0;

  bool is_cpu() const { return kind == PlaceKind::kCpu; }
  bool is_cuda() const { return kind == PlaceKind::kCuda; }
  /// "CPUPlace" or "CUDAPlace(0)"
  std::string ToString() const {
    return is_cpu() ? "CPUPlace" : "CUDAPlace(" + std::to_string(id) + ")";
  }
  friend bool operator==(const Place&, const Place&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const Place& p) { return out << p.ToString(); }

struct CPUPlace {
  operator Place() const { return {PlaceKind::kCpu, 0}; }
};
/// Naming a card does not touch it; the first allocation or run on it checks that it is there.
struct CUDAPlace {
  explicit CUDAPlace(int id = 0) : id(id) {}
  operator Place() const { return {PlaceKind::kCuda, id}; }
  int id;
};

}  // namespace skiff
