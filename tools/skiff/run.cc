// skiff run: computes outputs, or any other variable, from arrays in numpy's files.
#include <gflags/gflags.h>

#include <algorithm>
#include <set>

#include "executor/executor.h"
#include "framework/base/printable.h"
#include "io/npy.h"
#include "tools/skiff/command.h"
#include "tools/skiff/model_files.h"
#include "tools/skiff/output.h"

DECLARE_bool(json);
DECLARE_string(input);
DECLARE_string(fetch);
DECLARE_string(output_dir);
DECLARE_int32(threads);

namespace skiff::tool {
namespace {

// What every input is, for somebody who left one out.
std::string Wanted(const Program& program, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    const auto variable = program.global_block().FindVar(name);
    text += StrCat("\n  --input ", name, "=FILE.npy");
    if (variable) text += StrCat("   (", variable->dtype, " ", variable->shape, ")");
  }
  return text;
}

Feeds LoadFeeds(const io::InferenceModel& model) {
  Feeds feeds;
  for (const std::string& text : Several(FLAGS_input)) {
    const auto [name, array] = SplitAtEquals(text, "input", "NAME=FILE.npy");
    if (!model.program->global_block().FindVar(name)) {
      throw UsageError(StrCat("--input names \"", name, "\", which the program does not have; its inputs are",
                              Wanted(*model.program, model.feed_names)));
    }
    feeds.emplace_back(name, LoadArray(array));
  }
  const bool complete = std::all_of(model.feed_names.begin(), model.feed_names.end(), [&](const std::string& name) {
    return std::any_of(feeds.begin(), feeds.end(), [&](const auto& feed) { return feed.first == name; });
  });
  // Fetching something in the middle may need fewer inputs; the executor says which one it misses.
  if (!complete && FLAGS_fetch.empty()) {
    throw UsageError("the model wants" + Wanted(*model.program, model.feed_names));
  }
  return feeds;
}

std::string ArrayFile(std::string variable) {
  std::replace(variable.begin(), variable.end(), '/', '_');
  return variable + ".npy";
}

ExitCode Run(const std::vector<std::string>& arguments) {
  io::InferenceModel model = OpenModel(OnlyArgument(arguments, "prefix"));
  const Feeds feeds = LoadFeeds(model);
  std::vector<std::string> fetches = Several(FLAGS_fetch);
  if (fetches.empty()) fetches = model.fetch_names;

  Scope scope;
  model.SetParameters(&scope);
  Executor executor(CPUPlace{}, {.num_threads = FLAGS_threads});
  const std::vector<Tensor> results = executor.Run(*model.program, feeds, fetches, &scope);
  std::set<std::string> written;
  Json json = Json::array();
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string path = FLAGS_output_dir.empty() ? "" : FLAGS_output_dir + "/" + ArrayFile(fetches[i]);
    SKIFF_ENFORCE(path.empty() || written.insert(path).second, AlreadyExists, "\"", fetches[i], "\" and another result would both be \"", path,
                  "\"; --fetch them one at a time");
    if (!path.empty()) io::SaveNpy(results[i], path);
    json.push_back({{"name", fetches[i]}, {"dtype", ToString(results[i].dtype())}, {"shape", results[i].shape().ToVector()}});
    if (!path.empty()) json.back()["file"] = path;
    if (!FLAGS_json) std::cout << PrintableLine(fetches[i]) << ": " << results[i] << (path.empty() ? "" : " -> " + path) << '\n';
  }
  if (FLAGS_json) PrintJson({{"outputs", json}});
  return kOk;
}

}  // namespace

const Command kRun = {
    "run", "PREFIX --input NAME=FILE.npy", "computes a model's outputs, or any variable",
    "Loads PREFIX.pdmodel and PREFIX.pdiparams (or a folder of Paddle 1.x), feeds arrays and prints what\n"
    "comes out. Without --input it says which inputs the model wants.\n\n"
    "  --input NAME=FILE.npy   array for an input; FILE.npz:KEY takes one of an archive; repeat for each input\n"
    "  --fetch NAME            any variable of the program instead of its outputs; may be repeated\n"
    "  --output_dir FOLDER     also write each result to FOLDER/NAME.npy\n"
    "  --threads N             CPU threads, by default one a core\n"
    "  --json                  names, dtypes, shapes and files of the results as JSON\n\n"
    "example: skiff run lenet --input image=digit.npy --output_dir out\n",
    Run};

}  // namespace skiff::tool
