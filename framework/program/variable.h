// Variable: a named value of a program, described, not held. Values live in a Scope or a Frame.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "framework/base/dtype.h"
#include "framework/base/shape.h"

namespace skiff {

class Block;

/// What a variable holds; values are Paddle's codes.
enum class VarKind : int32_t {
  kLodTensor = 7,
  kSelectedRows = 8,
  kFeedMinibatch = 9,
  kFetchList = 10,
  kStepScopes = 11,
  kLodRankTable = 12,
  kLodTensorArray = 13,
  kPlaceList = 14,
  kReader = 15,
  kRaw = 17,
  kTuple = 18,
  kString = 25,
  kStrings = 26,
  kVocab = 27,
  kFeedList = 28,
  kPString = 29,
  kSparseCoo = 30,
  kSparseCsr = 31,
};
/// Paddle's name: "LOD_TENSOR", "SELECTED_ROWS", ...
const char* ToString(VarKind kind);

/// What only trainable variables have: how the optimizer treats them.
struct ParameterOptions {
  bool trainable = true;
  float learning_rate = 1.0f;  // factor on the optimizer's rate
  bool need_clip = true;
  bool do_model_average = true;
  /// Penalty that overrides the optimizer's: kind 1 is L1, 2 is L2, 0 none of its own.
  int regularizer_kind = 0;
  float regularizer_coeff = 0.0f;
};

struct Variable {
  std::string name;
  VarKind kind = VarKind::kLodTensor;
  DType dtype = DType::kUndefined;
  Shape shape = {};
  bool persistable = false;
  /// Gradients do not pass through it.
  bool stop_gradient = false;
  bool is_parameter = false;
  bool need_check_feed = false;
  int32_t lod_level = 0;
  ParameterOptions parameter = {};

  /// The block that owns it; set by Block.
  Block* block = nullptr;

  /// How the file spelled what has two spellings, so that it is written back alike: which optional
  /// fields were present, whether a tensor description was there, and fields skiff does not know.
  struct FileForm {
    bool has_persistable = false, has_need_check_feed = false, has_is_parameter = false;
    bool has_stop_gradient = false, has_lod_level = false, has_tensor = true;
    std::string extra;  // serialised VarDesc with only the fields skiff keeps but does not use
  };
  std::optional<FileForm> file_form = {};
};

/// True for kinds that hold a dense tensor.
inline bool IsDense(const Variable& v) { return v.kind == VarKind::kLodTensor; }

}  // namespace skiff
