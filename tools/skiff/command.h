// The commands of the `skiff` program: each gets its arguments and gives an exit code.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/shape.h"

namespace skiff::tool {

enum ExitCode : int {
  kOk = 0,
  kNo = 1,       // the command worked and its answer is no: a difference, a defect
  kTrouble = 2,  // the command line is wrong, or a file is missing, damaged or of another kind
};

/// A mistake of the command line: told to the user with where to find help, exit code kTrouble.
class UsageError : public std::exception {
 public:
  explicit UsageError(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

struct Command {
  const char* name;
  const char* arguments;  // what follows the name
  const char* summary;    // one line
  const char* help;       // the whole text
  ExitCode (*run)(const std::vector<std::string>& arguments);
};
const std::vector<Command>& Commands();

extern const Command kShow, kVerify, kDiff, kConvert, kStrip, kEdit, kRun, kBench;

/// Values of a flag that was given several times.
std::vector<std::string> Several(const std::string& flag);
/// "x=1,3,224,224" of each --shape as name and shape; -1 only where `unknown_extents`. @throws UsageError.
std::vector<std::pair<std::string, Shape>> ShapesFlag(bool unknown_extents = false);
/// "; did you mean "a"?", or "; there are a, b, c" where `name` is like none of them.
std::string Meant(const std::string& name, const std::vector<std::string>& names);
/// "old=new" as a pair. @throws UsageError naming `flag` and what is wanted.
std::pair<std::string, std::string> SplitAtEquals(const std::string& text, const char* flag, const char* wanted);
/// `arguments` must be exactly one. @throws UsageError naming what is wanted.
const std::string& OnlyArgument(const std::vector<std::string>& arguments, const char* wanted);
/// `arguments` must be exactly two. @throws UsageError naming what is wanted.
std::pair<std::string, std::string> TwoArguments(const std::vector<std::string>& arguments, const char* wanted);

}  // namespace skiff::tool
