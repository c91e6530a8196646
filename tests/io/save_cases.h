// Saves of every kind in numbered versions: each file of a save holds the number.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "framework/tensor/scope.h"
#include "io/checkpoint.h"
#include "io/commit_journal.h"
#include "io/inference_model.h"
#include "io/npy.h"
#include "io/state_dict.h"
#include "tests/io/support.h"

namespace skiff::io {

struct SaveCase {
  const char* name;
  std::function<void(const std::string& folder, int version)> save;
  std::function<int(const std::string& folder)> load;  // the version, or -1 where files hold several
};
inline void PrintTo(const SaveCase& c, std::ostream* out) { *out << c.name; }

/// x [-1, 3] -> mul by w -> scale with the version as bias; m is the state of an optimizer.
inline std::unique_ptr<Program> VersionedProgram(int version) {
  auto program = std::make_unique<Program>();
  Block& block = program->global_block();
  const auto add = [&](const std::string& name, const Shape& shape) -> Variable& {
    return *block.AddVar({name, VarKind::kLodTensor, DType::kFloat32, shape});
  };
  add("x", {-1, 3}).need_check_feed = true;
  Variable& w = add("w", {3, 2});
  w.persistable = w.is_parameter = true;
  add("m", {3, 2}).persistable = true;
  add("y", {-1, 2});
  add("out", {-1, 2});
  block.AddOp({"mul", {{"X", {"x"}}, {"Y", {"w"}}}, {{"Out", {"y"}}}, {{"x_num_col_dims", 1}}});
  block.AddOp({"scale", {{"X", {"y"}}}, {{"Out", {"out"}}},
               {{"scale", 1.0f}, {"bias", static_cast<float>(version)}, {"bias_after_scale", true}}});
  return program;
}

inline Tensor VersionedTensor(int version) {
  return Tensor::Of<float>({3, 2}, std::vector<float>(6, static_cast<float>(version)));
}

inline void SetVersion(Scope* scope, int version) {
  scope->SetTensor("w", VersionedTensor(version));
  scope->SetTensor("m", VersionedTensor(version));
}

inline int VersionOf(const Tensor& tensor) { return static_cast<int>(tensor.Values<float>()[0]); }
inline int VersionOf(const Program& program) {
  for (const auto& op : program.global_block().ops()) {
    if (op->type == "scale") return static_cast<int>(op->attrs.Get<float>("bias"));
  }
  return -1;
}
inline int OneVersion(std::initializer_list<int> versions) {
  for (const int version : versions) {
    if (version != *versions.begin()) return -1;
  }
  return *versions.begin();
}

inline const std::vector<SaveCase>& SaveCases() {
  static const std::vector<SaveCase> cases = {
      {"SaveInferenceModel",
       [](const std::string& folder, int version) {
         Scope scope;
         SetVersion(&scope, version);
         SaveInferenceModel(folder + "/model", {"x"}, {"out"}, *VersionedProgram(version), scope);
       },
       [](const std::string& folder) {
         const InferenceModel model = LoadInferenceModel(folder + "/model");
         return OneVersion({VersionOf(*model.program), VersionOf(*model.parameters.Find("w"))});
       }},
      {"SaveProgramState",
       [](const std::string& folder, int version) {
         Scope scope;
         SetVersion(&scope, version);
         SaveProgramState(*VersionedProgram(version), scope, folder + "/state");
       },
       [](const std::string& folder) {
         const auto no_save_between = LockForReading(folder);
         Scope scope;
         LoadProgramState(*VersionedProgram(0), scope, folder + "/state");
         return OneVersion({VersionOf(*LoadProgram(folder + "/state.pdmodel")), VersionOf(scope.GetTensor("w")),
                            VersionOf(scope.GetTensor("m"))});
       }},
      {"SaveStateDict",
       [](const std::string& folder, int version) {
         SaveStateDict({{"w", VersionedTensor(version)}, {"m", VersionedTensor(version)}}, folder + "/s.pdparams");
       },
       [](const std::string& folder) {
         const StateDict state = LoadStateDict(folder + "/s.pdparams");
         return OneVersion({VersionOf(*state.Find("w")), VersionOf(*state.Find("m"))});
       }},
      {"SaveNpz",
       [](const std::string& folder, int version) {
         SaveNpz({{"w", VersionedTensor(version)}, {"m", VersionedTensor(version)}}, folder + "/s.npz");
       },
       [](const std::string& folder) {
         const StateDict state = LoadNpz(folder + "/s.npz");
         return OneVersion({VersionOf(*state.Find("w")), VersionOf(*state.Find("m"))});
       }},
      {"CheckpointSave",
       [](const std::string& folder, int version) {
         Scope scope;
         SetVersion(&scope, version);
         Checkpoint(folder + "/c", {.keep = 1}).Save(*VersionedProgram(version), scope, {.step = version, .epoch = version});
       },
       [](const std::string& folder) {
         const auto none_is_removed = LockForReading(folder + "/c");
         Scope scope;
         const auto resumed = Checkpoint(folder + "/c").Resume(*VersionedProgram(0), scope);
         if (!resumed) return -1;
         return OneVersion({static_cast<int>(resumed->progress.step), static_cast<int>(resumed->progress.epoch),
                            VersionOf(*LoadProgram(resumed->path + "/checkpoint.pdmodel")),
                            VersionOf(scope.GetTensor("w")), VersionOf(scope.GetTensor("m"))});
       }},
      {"CheckpointOfOneStep",  // replaced again and again
       [](const std::string& folder, int version) {
         Scope scope;
         SetVersion(&scope, version);
         Checkpoint(folder + "/c").Save(*VersionedProgram(version), scope, {.step = 7, .epoch = version});
       },
       [](const std::string& folder) {
         Scope scope;
         const auto resumed = Checkpoint(folder + "/c").Resume(*VersionedProgram(0), scope);
         if (!resumed) return -1;
         return OneVersion({static_cast<int>(resumed->progress.epoch), VersionOf(scope.GetTensor("w")),
                            VersionOf(scope.GetTensor("m"))});
       }},
  };
  return cases;
}

}  // namespace skiff::io
