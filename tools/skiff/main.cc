// The `skiff` program: finds the command, turns exceptions into exit codes.
#include <gflags/gflags.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>

#include "tools/skiff/command.h"

DEFINE_bool(json, false, "print JSON");
DEFINE_bool(dot, false, "show: print the graph for Graphviz");
DEFINE_string(shape, "", "extents of an input, NAME=1,3,224,224; may be repeated");
DEFINE_string(input, "", "run: NAME=FILE.npy or NAME=FILE.npz:KEY; may be repeated");
DEFINE_string(fetch, "", "run: name of a variable to compute; may be repeated");
DEFINE_string(output_dir, "", "run: folder that results are written to");
DEFINE_int32(threads, 0, "CPU threads, 0 for as many as there are cores");
DEFINE_int32(repeat, 50, "bench: runs after the first");

namespace GFLAGS_NAMESPACE {
extern void (*gflags_exitfunc)(int);  // what gflags calls when a flag is wrong
}

namespace skiff::tool {
namespace {

constexpr char kSeparator = '\n';

int PrintHelp(std::ostream& out) {
  out << "skiff " SKIFF_VERSION ": looks into model files of PaddlePaddle and runs them\n\n"
         "usage: skiff COMMAND ARGUMENTS [--flag=value ...]\n\n";
  for (const Command& command : Commands()) {
    std::printf("  %-7s %-34s %s\n", command.name, command.arguments, command.summary);
  }
  std::fflush(stdout);
  out << "\n`skiff COMMAND --help` tells more.\n"
         "exit codes: 0 done, 1 the answer is no, 2 wrong command line, 3 bad file\n";
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

// gflags keeps the last value of a flag; --input, --shape and --fetch may stand several times.
std::vector<std::string> JoinRepeated(int argc, char** argv) {
  std::vector<std::string> joined;
  std::map<std::string, size_t> seen;
  for (int i = 0; i < argc; ++i) {
    std::string argument = argv[i];
    for (const char* flag : {"input", "shape", "fetch"}) {
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
  if (argc < 2) return PrintHelp(std::cerr), kUsage;
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
  GFLAGS_NAMESPACE::gflags_exitfunc = [](int) { std::exit(kUsage); };
  GFLAGS_NAMESPACE::ParseCommandLineFlags(&count, &flags, /*remove_flags=*/true);
  return command->run({flags + 2, flags + count});
}

}  // namespace

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {kShow, kVerify, kRun, kBench};
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

std::vector<std::pair<std::string, Shape>> ShapesFlag() {
  std::vector<std::pair<std::string, Shape>> shapes;
  for (const std::string& text : Several(FLAGS_shape)) {
    const size_t equals = text.find('=');
    Shape shape;
    const char* at = equals == std::string::npos ? nullptr : text.c_str() + equals + 1;
    while (at != nullptr && *at != '\0') {
      char* end = nullptr;
      const long long extent = std::strtoll(at, &end, 10);
      if (end == at || extent < 0 || shape.rank() == Shape::kMaxRank || (*end != ',' && *end != '\0')) {
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

const std::string& OnlyArgument(const std::vector<std::string>& arguments, const char* wanted) {
  if (arguments.size() != 1) {
    throw UsageError(StrCat("wanted one ", wanted, ", got ", arguments.size(), " arguments"));
  }
  return arguments[0];
}

}  // namespace skiff::tool

int main(int argc, char** argv) {
  using namespace skiff::tool;
  try {
    return Main(argc, argv);
  } catch (const UsageError& error) {
    std::cerr << "skiff: " << error.what() << "\nskiff --help lists the commands\n";
    return kUsage;
  } catch (const skiff::Error& error) {
    std::cerr << error.what() << '\n';
    return kBadFile;
  } catch (const std::exception& error) {
    std::cerr << "skiff: " << error.what() << '\n';
    return kBadFile;
  }
}
