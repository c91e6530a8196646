// The `skiff` program: finds the command, turns exceptions into exit codes.
#include <gflags/gflags.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <streambuf>

#include "tools/skiff/command.h"

DEFINE_bool(json, false, "print JSON");
DEFINE_bool(dot, false, "show: print the graph for Graphviz");
DEFINE_string(shape, "", "extents of an input, NAME=1,3,224,224; may be repeated");
DEFINE_string(input, "", "run, diff: NAME=FILE.npy or NAME=FILE.npz:KEY; may be repeated");
DEFINE_string(fetch, "", "run: name of a variable to compute; may be repeated");
DEFINE_string(output_dir, "", "run: folder that results are written to");
DEFINE_int32(threads, 0, "CPU threads, 0 for as many as there are cores");
DEFINE_int32(repeat, 50, "bench: runs after the first");
DEFINE_bool(run, false, "diff: run both models and compare what their operators compute");
DEFINE_double(rtol, 0, "diff: how far numbers may be apart, as a share of the first one");
DEFINE_double(atol, 0, "diff: how far numbers may be apart");
DEFINE_int32(seed, 1, "diff: seed of random inputs");
DEFINE_string(program, "", "the program that names the tensors of a .pdiparams file");
DEFINE_string(to, "", "convert: what OUT is, where its name does not say so");
DEFINE_int32(protocol, 4, "convert: of pickles, 2, 3 or 4");
DEFINE_bool(tensors_only, false, "convert: leave out entries that are no tensors");
DEFINE_string(rename, "", "edit: OLD=NEW, a variable's name; may be repeated");
DEFINE_string(cut, "", "edit: a variable that the model shall end at; may be repeated");
DEFINE_string(from, "", "edit: a variable that the model shall start at; may be repeated");

namespace GFLAGS_NAMESPACE {
extern void (*gflags_exitfunc)(int);  // what gflags calls when a flag is wrong
}

namespace skiff::tool {
namespace {

constexpr char kSeparator = '\n';

// Names in files may hold anything; a terminal must not take them for commands.
class EscapingBuffer : public std::streambuf {
 public:
  explicit EscapingBuffer(std::ostream& out) : out_(out), target_(out.rdbuf(this)) {}
  ~EscapingBuffer() override { out_.rdbuf(target_); }

 protected:
  int overflow(int c) override {
    if (c == traits_type::eof()) return 0;
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 0x20 && byte != 0x7F) || byte == '\n' || byte == '\t';
    if (plain) return target_->sputc(static_cast<char>(byte));
    char text[8];
    std::snprintf(text, sizeof(text), "\\x%02x", byte);
    return target_->sputn(text, 4) == 4 ? c : traits_type::eof();
  }
  int sync() override { return target_->pubsync(); }

 private:
  std::ostream& out_;
  std::streambuf* target_;
};

int PrintHelp(std::ostream& out) {
  out << "skiff " SKIFF_VERSION ": looks into model files of PaddlePaddle, changes and runs them\n\n"
         "usage: skiff COMMAND ARGUMENTS [--flag=value ...]\n\n";
  for (const Command& command : Commands()) {
    std::printf("  %-8s %-30s %s\n", command.name, command.arguments, command.summary);
  }
  std::fflush(stdout);
  out << "\n`skiff COMMAND --help` tells more.\n"
         "exit codes: 0 done, 1 the answer is no (a difference, a defect), 2 wrong command line or unreadable file\n";
  return kOk;
}

int PrintHelp(const Command& command) {
  std::cout << "usage: skiff " << command.name << ' ' << command.arguments << "\n\n" << command.help;
  return kOk;
}

const Command* FindCommand(const std::string& name) {
  for (const Command& command : Commands()) {
    if (name == command.name) return &command;
  }
  return nullptr;
}

bool IsHelp(const std::string& argument) {
  return argument == "--help" || argument == "-help" || argument == "-h" || argument == "help";
}

// gflags keeps the last value of a flag; these may stand several times.
std::vector<std::string> JoinRepeated(int argc, char** argv) {
  std::vector<std::string> joined;
  std::map<std::string, size_t> seen;
  for (int i = 0; i < argc; ++i) {
    std::string argument = argv[i];
    for (const char* flag : {"input", "shape", "fetch", "rename", "cut", "from"}) {
      const size_t dashes = argument.find_first_not_of('-');
      if (dashes != 1 && dashes != 2) continue;
      const std::string rest = argument.substr(dashes);
      if (rest != flag && rest.rfind(std::string(flag) + "=", 0) != 0) continue;
      std::string value;
      if (rest != flag) {
        value = rest.substr(std::string(flag).size() + 1);
      } else if (i + 1 < argc) {
        value = argv[++i];
      } else {
        break;  // no value: gflags says so
      }
      if (seen.count(flag)) {
        joined[seen[flag]] += kSeparator + value;
        argument.clear();
      } else {
        seen[flag] = joined.size();
        argument = std::string("--") + flag + "=" + value;
      }
      break;
    }
    if (!argument.empty() || i == 0) joined.push_back(argument);
  }
  return joined;
}

int Main(int argc, char** argv) {
  if (argc < 2) return PrintHelp(std::cerr), kTrouble;
  if (IsHelp(argv[1])) {
    const Command* named = argc > 2 ? FindCommand(argv[2]) : nullptr;
    return named ? PrintHelp(*named) : PrintHelp(std::cout);
  }
  if (std::string(argv[1]) == "--version") return std::cout << "skiff " SKIFF_VERSION "\n", kOk;
  const Command* command = FindCommand(argv[1]);
  if (command == nullptr) {
    std::vector<std::string> names;
    for (const Command& known : Commands()) names.push_back(known.name);
    throw UsageError(StrCat("no command \"", argv[1], "\" ", DidYouMean(argv[1], names)));
  }
  for (int i = 2; i < argc; ++i) {
    if (IsHelp(argv[i])) return PrintHelp(*command);
  }

  std::vector<std::string> words = JoinRepeated(argc, argv);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  int count = static_cast<int>(pointers.size());
  char** flags = pointers.data();
  GFLAGS_NAMESPACE::gflags_exitfunc = [](int) { std::exit(kTrouble); };
  GFLAGS_NAMESPACE::ParseCommandLineFlags(&count, &flags, /*remove_flags=*/true);
  return command->run({flags + 2, flags + count});
}

}  // namespace

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {kShow, kVerify, kDiff, kConvert, kStrip, kEdit, kRun, kBench};
  return commands;
}

std::vector<std::string> Several(const std::string& flag) {
  std::vector<std::string> values;
  for (size_t begin = 0; begin < flag.size();) {
    const size_t end = std::min(flag.find(kSeparator, begin), flag.size());
    values.push_back(flag.substr(begin, end - begin));
    begin = end + 1;
  }
  return values;
}

std::vector<std::pair<std::string, Shape>> ShapesFlag(bool unknown_extents) {
  std::vector<std::pair<std::string, Shape>> shapes;
  for (const std::string& text : Several(FLAGS_shape)) {
    const size_t equals = text.find('=');
    Shape shape;
    const char* at = equals == std::string::npos ? nullptr : text.c_str() + equals + 1;
    while (at != nullptr && *at != '\0') {
      char* end = nullptr;
      const long long extent = std::strtoll(at, &end, 10);
      if (end == at || extent < (unknown_extents ? -1 : 0) || shape.rank() == Shape::kMaxRank || (*end != ',' && *end != '\0')) {
        at = nullptr;
        break;
      }
      shape.Append(extent);
      at = *end == ',' ? end + 1 : end;
      if (*end == ',' && *at == '\0') at = nullptr;  // nothing after the last comma
    }
    if (at == nullptr) {
      throw UsageError(StrCat("--shape is \"", text, "\"; wanted NAME=EXTENT,EXTENT,..., say x=1,3,224,224"));
    }
    shapes.emplace_back(text.substr(0, equals), shape);
  }
  return shapes;
}

std::pair<std::string, std::string> SplitAtEquals(const std::string& text, const char* flag, const char* wanted) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw UsageError(StrCat("--", flag, " is \"", text, "\"; wanted ", wanted));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

const std::string& OnlyArgument(const std::vector<std::string>& arguments, const char* wanted) {
  if (arguments.size() != 1) {
    throw UsageError(StrCat("wanted one ", wanted, ", got ", arguments.size(), " arguments"));
  }
  return arguments[0];
}

std::pair<std::string, std::string> TwoArguments(const std::vector<std::string>& arguments, const char* wanted) {
  if (arguments.size() != 2) throw UsageError(StrCat("wanted ", wanted, ", got ", arguments.size(), " arguments"));
  return {arguments[0], arguments[1]};
}

}  // namespace skiff::tool

int main(int argc, char** argv) {
  using namespace skiff::tool;
  const EscapingBuffer out(std::cout), error_out(std::cerr);
  try {
    return Main(argc, argv);
  } catch (const UsageError& error) {
    std::cerr << "skiff: " << error.what() << "\nskiff --help lists the commands\n";
    return kTrouble;
  } catch (const skiff::Error& error) {
    std::cerr << error.what() << '\n';
    return kTrouble;
  } catch (const std::exception& error) {
    std::cerr << "skiff: " << error.what() << '\n';
    return kTrouble;
  }
}
