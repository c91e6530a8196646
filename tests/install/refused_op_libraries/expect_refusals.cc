// What LoadOpLibrary refuses, how it says so, and that it leaves the registry as it was.
#include <skiff/framework/op/op_def.h>
#include <skiff/skiff.h>

#include <fstream>
#include <iostream>

namespace {

int failures = 0;

void Expect(bool holds, const std::string& what) {
  if (holds) return;
  std::cerr << "FAILED " << what << '\n';
  ++failures;
}

// The library must be refused with an error of the kind whose text holds all the words.
void Refused(const std::string& path, skiff::ErrorKind kind, std::initializer_list<const char*> words) {
  const auto before = skiff::AllOpTypes();
  try {
    skiff::LoadOpLibrary(path);
    Expect(false, path + " was taken");
  } catch (const skiff::Error& error) {
    std::cout << error.what() << '\n';
    Expect(error.kind() == kind, path + ": another kind of error: " + error.what());
    for (const char* word : words) {
      Expect(std::string(error.what()).find(word) != std::string::npos, path + ": no word of " + word);
    }
  }
  Expect(skiff::AllOpTypes() == before, path + " changed the registry");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using skiff::ErrorKind;
  const std::string folder = std::string(argv[1]) + "/";
  const auto library = [&](const char* name) { return folder + "lib" + name + ".so"; };
  std::ofstream(folder + "text.so") << "no library";

  Refused(folder + "absent.so", ErrorKind::kExternal, {"absent.so", "No such file"});
  Refused(folder, ErrorKind::kExternal, {"it is no file"});
  Refused(folder + "text.so", ErrorKind::kInvalidArgument, {"text.so is no shared library"});
  Refused(library("unmarked"), ErrorKind::kInvalidArgument, {"libunmarked.so", "skiff_add_op_library"});
  Refused(library("empty"), ErrorKind::kInvalidArgument, {"libempty.so", "registers no operator"});
  Refused(library("other_version"), ErrorKind::kPreconditionNotMet,
          {"libother_version.so", "skiff 9.9.9", "skiff " SKIFF_OP_LIBRARY_VERSION});
  Refused(library("takes_relu"), ErrorKind::kAlreadyExists, {"\"relu\"", "libtakes_relu.so", "by skiff"});
  Expect(!skiff::GetOp("relu").kernels.empty(), "relu lost its kernels");

  const std::vector<std::string> mine = {"mine"};
  Expect(skiff::LoadOpLibrary(library("first")) == mine, "the first library");
  Expect(skiff::LoadOpLibrary(library("first")) == mine, "the first library again");
  Refused(library("second"), ErrorKind::kAlreadyExists, {"\"mine\"", "libsecond.so", "libfirst.so"});
  Expect(skiff::FindOp("another") == nullptr, "half of a library was registered");
  return failures == 0 ? 0 : 1;
}
