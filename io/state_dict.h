// State dicts: the parameters and optimizer states of a program by name, and the files they live in
// (.pdparams, .pdopt). Nothing is loaded half: what does not fit is listed in one error.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "framework/program/program.h"
#include "framework/tensor/scope.h"
#include "io/pickle_file.h"
#include "io/program_file.h"
#include "io/tensor_stream.h"

namespace skiff::io {

/// Tensors by name, in the order they were set.
class StateDict {
 public:
  struct Entry {
    std::string name;
    Tensor tensor;
    /// The variable's name where `name` is a structured one ("fc.weight" -> "linear_0.w_0"), else "".
    std::string tensor_name = {};
  };

  StateDict() = default;
  StateDict(std::initializer_list<Entry> entries) {
    for (const Entry& entry : entries) Set(entry.name, entry.tensor, entry.tensor_name);
  }

  /// Adds a tensor, or replaces the one of that name in its place.
  void Set(const std::string& name, Tensor tensor, std::string tensor_name = "");
  const Tensor* Find(const std::string& name) const;
  bool Has(const std::string& name) const { return Find(name) != nullptr; }
  void Erase(const std::string& name);
  /// Entries take other names, in their places. @param renaming  Old and new names; those of no entry do nothing.
  /// @throws InvalidArgument when two entries would have one name; nothing has changed then.
  void Rename(const std::vector<std::pair<std::string, std::string>>& renaming);

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  std::vector<std::string> Names() const;

  /// What a file holds beside tensors, say "LR_Scheduler".
  std::vector<std::pair<std::string, PickleValue>> objects;

 private:
  std::vector<Entry> entries_;
  std::map<std::string, size_t> index_;
};

/// Which variables of a program make up its state.
enum class StateKind {
  kParameters,  // "param": parameters
  kOptimizer,   // "opt": other persistable variables that are not fed: accumulators, learning rate
  kAll,         // "all"
};
/// Inverse of the three quoted names. @throws InvalidArgument for any other text.
StateKind ParseStateKind(const std::string& mode);

/// Variables of the program's state, in the order of blocks and variables; a name counts once.
/// Source: paddle.static.Program.state_dict and paddle.static.save.
std::vector<const Variable*> StateVariables(const Program& program, StateKind kind);

/// The state of `program`, taken from `scope`. Tensors share the scope's memory.
/// @throws NotFound listing every variable that has no value there, with what to do.
StateDict GetStateDict(const Program& program, const Scope& scope, StateKind kind = StateKind::kAll);

struct LoadOptions {
  /// Any difference is an error, and nothing changes. Otherwise what fits is loaded.
  bool strict = true;
  /// The variables that are expected.
  StateKind kind = StateKind::kAll;
  /// Compare files with their checksums, where there are some (checksums.h).
  bool verify_checksums = true;
};

/// What became of each variable and each entry.
struct LoadReport {
  std::vector<std::string> loaded;      // variables that were set
  std::vector<std::string> missing;     // variables the state dict does not have
  std::vector<std::string> unexpected;  // entries the program does not have
  std::vector<std::string> mismatched;  // "w: float32 [2, 3] in the state dict, float32 [3, 2] wanted"
  /// Unexpected entries and the missing variables they would fit, by name but for a prefix or numbers, and by
  /// shape and dtype; empty unless that accounts for every missing variable. See StateDict::Rename.
  std::vector<std::pair<std::string, std::string>> renaming;

  bool fits() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
  /// "4 loaded, missing: a, b"
  std::string ToString() const;
};

/// Sets the variables of `program` in `scope`, each at the place where it is now (the CPU where it is not
/// yet). An entry belongs to the variable of its name, or of its tensor name.
///
/// @throws InvalidArgument  strict, and something is missing, unexpected, or of another shape or dtype:
///                          every difference is listed, and `scope` is as before.
LoadReport SetStateDict(const Program& program, Scope& scope, const StateDict& state,
                        const LoadOptions& options = {});

struct SaveStateOptions {
  int protocol = 4;         // of the pickle: 2, 3 or 4
  bool name_table = false;  // as dygraph writes: the names of tensors stand in a table beside them
  int64_t max_slice_bytes = kMaxSliceBytes;  // protocols 2 and 3 cut larger tensors
};

/// The object that paddle.save pickles for a state dict, and back.
PickleValue ToPickle(const StateDict& state, const SaveStateOptions& options = {});
/// @param what  Names the file in errors.
/// Tensors inside an inner dict (`master_weights`) come under their tensor names; other objects go to
/// `objects`. @throws InvalidArgument for a pickle that is no dict.
StateDict ToStateDict(const PickleValue& value, const std::string& what);

/// Replaces a .pdparams or .pdopt file, whole or not at all.
void SaveStateDict(const StateDict& state, const std::string& path,
                   const SaveStateOptions& options = {});
/// Reads a state dict from a pickle (.pdparams, .pdopt), a .npz or a .safetensors file, told apart by content.
/// @param memory  kShared: tensors of safetensors are views of the mapped file; the others are copied all the same.
/// @throws External when it cannot be opened, InvalidArgument when it is damaged, not the file that its
///     checksum is of, or no state dict.
StateDict LoadStateDict(const std::string& path, bool verify_checksums = true, TensorMemory memory = TensorMemory::kOwn);

struct SaveProgramStateOptions {
  int protocol = 4;       // of the pickles: 2, 3 or 4
  bool checksums = true;  // write prefix.checksums, which Paddle ignores (checksums.h)
  ProgramFormat format = ProgramFormat::kProtobuf;
};

class AtomicFiles;
/// Begins prefix.pdparams, prefix.pdopt and prefix.pdmodel, for a save of more.
void AddProgramState(const Program& program, const StateDict& parameters, const StateDict& states,
                     const std::string& prefix, int protocol, AtomicFiles* files,
                     ProgramFormat format = ProgramFormat::kProtobuf);

/// Writes prefix.pdparams, prefix.pdopt and prefix.pdmodel (prefix.json in the format kJson) together, with their
/// checksums.
/// Source: paddle.static.save.
void SaveProgramState(const Program& program, const Scope& scope, const std::string& prefix,
                      const SaveProgramStateOptions& options = {});
/// Reads prefix.pdparams, and prefix.pdopt where the program has such state, and sets the program's
/// variables. `prefix` may carry one of the suffixes, or be a folder with one file per variable,
/// as Paddle 1.x wrote.
/// @throws External, InvalidArgument as LoadStateDict and SetStateDict.
/// Source: paddle.static.load.
LoadReport LoadProgramState(const Program& program, Scope& scope, const std::string& prefix,
                            const LoadOptions& options = {});

/// Replaces a program file (.pdmodel; the JSON of Paddle 3 where the path ends in .json), whole or not at all. Nothing
/// is pruned or clipped.
void SaveProgram(const Program& program, const std::string& path);
/// @throws External when it cannot be opened, InvalidArgument when it is damaged or not the file that its
///     checksum is of.
std::unique_ptr<Program> LoadProgram(const std::string& path, bool verify_checksums = true);

}  // namespace skiff::io
