// The `skiff` program: finds the command, turns exceptions into exit codes.
#include <fcntl.h>
#include <gflags/gflags.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <map>
#include <streambuf>
#include <string_view>
#include <utility>

#include "framework/base/printable.h"
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

constexpr char kSeparator = '\x1e';  // of records; no sensible name holds it

// Names in files may hold anything; a terminal must not take them for commands. A line is printed when it ends.
class EscapingBuffer : public std::streambuf {
 public:
  explicit EscapingBuffer(std::ostream& out) : out_(out), target_(out.rdbuf(this)) {}
  ~EscapingBuffer() override {
    sync();
    out_.rdbuf(target_);
  }

 protected:
  int overflow(int c) override {
    if (c == traits_type::eof()) return 0;
    line_ += static_cast<char>(c);
    return c != '\n' || Print() ? c : traits_type::eof();
  }
  int sync() override { return Print() ? target_->pubsync() : -1; }

 private:
  bool Print() {
    const std::string text = Printable(std::exchange(line_, {}));
    return target_->sputn(text.data(), static_cast<std::streamsize>(text.size())) == static_cast<std::streamsize>(text.size());
  }

  std::ostream& out_;
  std::streambuf* target_;
  std::string line_;
};

// Where one of these is closed, the next file opened would take its number, and messages would go into it.
void KeepStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) == -1) (void)!::open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);  // writing to the output fails
  }
}

// Files are mapped: what another program cuts off while they are read is not there any more.
void FailShortened(int) {
  constexpr std::string_view kText = "skiff: a file was shortened by another program while it was read\n";
  (void)!::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(kTrouble);
}

int PrintHelp(std::ostream& out) {
  out << "skiff " SKIFF_VERSION ": looks into model files of PaddlePaddle, changes and runs them\n\n"
         "usage: skiff COMMAND ARGUMENTS [--flag=value ...]\n\n";
  for (const Command& command : Commands()) {
    out << "  " << std::left << std::setw(9) << command.name << std::setw(31) << command.arguments << command.summary << '\n';
  }
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
    bool repeated = false;
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
        repeated = true;
      } else {
        seen[flag] = joined.size();
        argument = std::string("--") + flag + "=" + value;
      }
      break;
    }
    if (!repeated) joined.push_back(argument);
  }
  return joined;
}

bool Tells(const std::string& help, const std::string& flag) {
  for (size_t at = help.find(flag); at != help.npos; at = help.find(flag, at + 1)) {
    const char next = at + flag.size() < help.size() ? help[at + flag.size()] : ' ';
    if (next != '_' && std::isalnum(static_cast<unsigned char>(next)) == 0) return true;
  }
  return false;
}

// A flag belongs to the commands whose help tells of it.
void CheckFlags(const Command& command, const std::vector<std::string>& words) {
  for (size_t i = 2; i < words.size(); ++i) {
    const size_t dashes = words[i].find_first_not_of('-');
    if ((dashes != 1 && dashes != 2) || std::isdigit(static_cast<unsigned char>(words[i][dashes])) != 0) continue;  // -1 is a value
    const std::string flag = "--" + words[i].substr(dashes, words[i].find('=') - dashes);
    if (!Tells(command.help, flag)) {
      throw UsageError(StrCat(command.name, " has no flag ", flag, "; skiff ", command.name, " --help lists those it has"));
    }
  }
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
    throw UsageError(StrCat("no command \"", argv[1], "\"", Meant(argv[1], names)));
  }
  int end = 2;  // of the flags: what comes after "--" are files
  while (end < argc && std::string(argv[end]) != "--") ++end;
  for (int i = 2; i < end; ++i) {
    if (IsHelp(argv[i]) && argv[i][0] == '-') return PrintHelp(*command);  // "help" is a file
  }

  std::vector<std::string> words = JoinRepeated(end, argv);
  CheckFlags(*command, words);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  int count = static_cast<int>(pointers.size());
  char** flags = pointers.data();
  GFLAGS_NAMESPACE::gflags_exitfunc = [](int) { std::exit(kTrouble); };
  GFLAGS_NAMESPACE::ParseCommandLineFlags(&count, &flags, /*remove_flags=*/true);
  if (FLAGS_threads < 0) throw UsageError(StrCat("--threads is ", FLAGS_threads, "; wanted 0, for as many as there are cores, or more"));
  std::vector<std::string> arguments(flags + 2, flags + count);
  if (end < argc) arguments.insert(arguments.end(), argv + end + 1, argv + argc);
  return command->run(arguments);
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
      errno = 0;
      const long long extent = std::strtoll(at, &end, 10);
      if (end == at || errno == ERANGE || extent < (unknown_extents ? -1 : 0) || shape.rank() == Shape::kMaxRank || (*end != ',' && *end != '\0')) {
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

std::string Meant(const std::string& name, const std::vector<std::string>& names) {
  const std::string meant = DidYouMean(name, names);
  if (!meant.empty()) return "; " + meant;
  std::string list;
  for (const std::string& one : names) list += (list.empty() ? "" : ", ") + one;
  return "; there are " + list;
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
  KeepStandardStreams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error like a full disk
  std::signal(SIGBUS, FailShortened);
  const EscapingBuffer out(std::cout), error_out(std::cerr);
  try {
    const int code = Main(argc, argv);
    if (!std::cout.flush()) throw skiff::External("the output cannot be written");
    return code;
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
