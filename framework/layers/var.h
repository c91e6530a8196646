// Var: what layers take and give. A cheap handle to a variable of a program, with arithmetic that
// appends operators to the current block, named and chosen as Paddle's Variable does.
#pragma once

#include <memory>
#include <ostream>
#include <source_location>
#include <string>

#include "framework/program/variable.h"

namespace skiff {

/// Where a layer was called: "train.cc:42". Every builder takes one by default, so that an error about
/// an operator can name the line that made it.
class Origin {
 public:
  Origin(const std::source_location& at);  // NOLINT: a call's location is meant to convert
  /// For callers from another language, which know their own file and line.
  explicit Origin(std::string place) : place_(std::move(place)) {}
  /// "layers::FC at train.cc:42".
  std::string Of(const std::string& layer) const;

 private:
  std::string place_;
};

/// Copies refer to the same variable, which lives as long as its program or a handle.
class Var {
 public:
  Var() = default;
  Var(std::shared_ptr<Variable> variable) : variable_(std::move(variable)) {}  // NOLINT

  explicit operator bool() const { return variable_ != nullptr; }
  const std::string& name() const { return variable_->name; }
  /// -1 stands for an extent known only when it runs.
  const Shape& shape() const { return variable_->shape; }
  DType dtype() const { return variable_->dtype; }
  int rank() const { return variable_->shape.rank(); }
  bool stop_gradient() const { return variable_->stop_gradient; }
  /// Gradients pass through it, or do not. Returns the handle, to be chained.
  const Var& set_stop_gradient(bool stop) const;

  Variable& variable() const { return *variable_; }
  operator const Variable&() const { return *variable_; }  // NOLINT: AppendBackward(loss)
  operator const std::shared_ptr<Variable>&() const { return variable_; }  // NOLINT

 private:
  std::shared_ptr<Variable> variable_;
};

inline std::ostream& operator<<(std::ostream& out, const Var& v) {
  return out << v.name() << " : " << v.dtype() << " " << v.shape();
}

/// Elementwise, broadcast under numpy's rule. Integers divide as float32. The right side is cast to
/// the left side's dtype where they differ.
Var operator+(const Var& x, const Var& y);
Var operator-(const Var& x, const Var& y);
Var operator*(const Var& x, const Var& y);
Var operator/(const Var& x, const Var& y);
/// With numbers: one `scale` operator, except number / variable.
Var operator+(const Var& x, double y);
Var operator-(const Var& x, double y);
Var operator*(const Var& x, double y);
Var operator/(const Var& x, double y);
Var operator+(double x, const Var& y);
Var operator-(double x, const Var& y);
Var operator*(double x, const Var& y);
Var operator/(double x, const Var& y);
Var operator-(const Var& x);
/// Boolean results, elementwise.
Var operator<(const Var& x, const Var& y);
Var operator>(const Var& x, const Var& y);
Var operator<(const Var& x, double y);
Var operator>(const Var& x, double y);

}  // namespace skiff
