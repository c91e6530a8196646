// Files of strangers (tests/hostile): each is refused with the error that verdicts.json says, or read where it is odd
// but harmless; none crashes, none runs anything, none takes memory without measure.
#include <fstream>
#include <nlohmann/json.hpp>

#include "executor/executor.h"
#include "executor/predictor.h"
#include "framework/tensor/memory_guard.h"
#include "io/inference_model.h"
#include "io/npy.h"
#include "io/program_file.h"
#include "io/state_dict.h"
#include "io/tensor_stream.h"
#include "tests/io/support.h"
#include "tests/support/child.h"

namespace skiff::io {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kHostile = std::string(SKIFF_TESTS_DIR) + "/hostile/";
#ifdef __SANITIZE_ADDRESS__  // it reserves more addresses than any machine has memory
constexpr rlim_t kMemory = 0;
#else
constexpr rlim_t kMemory = rlim_t{6} << 30;
#endif

void RunProgram(const std::string& path) {
  const Predictor predictor(ToPredictorModel(ParseInferenceModel(ReadText(path), "")), {.num_threads = 1});
  std::vector<Tensor> inputs;
  for (const std::string& name : predictor.input_names()) {
    const TensorMeta meta = predictor.Describe(name);
    Tensor input(meta.shape, meta.dtype);
    std::memset(input.raw_data(), 0, input.bytes());
    inputs.push_back(input);
  }
  predictor.Run(inputs);
}

void ReadAs(const std::string& reader, const std::string& path) {
  if (reader == "pickle") LoadStateDict(path);
  else if (reader == "tensor") ReadTensorFile(MappedFile::Open(path));
  else if (reader == "program") LoadProgram(path);
  else if (reader == "model" || reader == "folder") LoadInferenceModel(path);
  else if (reader == "npz") LoadNpz(path);
  else if (reader == "run") RunProgram(path);
  else throw Internal("no reader " + reader);
}

std::string ErrorOfReading(const std::string& reader, const std::string& path) {
  return skiff::testing::InChild([&]() -> std::string {
    GuardMemory(true);
    try {
      ReadAs(reader, path);
    } catch (const Error& error) {
      return error.what();
    } catch (const std::exception& error) {
      return std::string("an exception that is not skiff's: ") + error.what();
    }
    return "";
  }, /*seconds=*/20, kMemory);
}

TEST(HostileFileTest, EachHasItsVerdict) {
  std::ifstream file(kHostile + "verdicts.json");
  const nlohmann::json verdicts = nlohmann::json::parse(file);
  EXPECT_GT(verdicts.size(), 200u);
  for (const auto& verdict : verdicts) {
    const std::string name = verdict["file"];
    SCOPED_TRACE(name);
    const std::string error = ErrorOfReading(verdict["reader"], kHostile + "files/" + name);
    EXPECT_THAT(error, Not(HasSubstr("crashed"))) << name;
    EXPECT_THAT(error, Not(HasSubstr("not skiff's"))) << name;
    if (verdict["says"].is_null()) {
      EXPECT_EQ(error, "") << name;
    } else {
      EXPECT_NE(error, "") << name << " was read";
      EXPECT_THAT(error, HasSubstr(verdict["says"].get<std::string>())) << name;
    }
  }
}

TEST(HostileFileTest, ParametersThatAreCutAreRefusedWhereverTheCutIs) {
  const std::string model = ReadText(kHostile + "files/model/as_it_should_be.pdmodel");
  const std::string parameters = ReadText(kHostile + "files/model/as_it_should_be.pdiparams");
  EXPECT_EQ(ErrorOf([&] { ParseInferenceModel(model, parameters); }), "");
  for (size_t cut = 1; cut <= std::min<size_t>(128, parameters.size()); ++cut) {
    EXPECT_NE(ErrorOf([&] { ParseInferenceModel(model, parameters.substr(0, parameters.size() - cut)); }), "") << cut << " bytes less";
    EXPECT_NE(ErrorOf([&] { ParseInferenceModel(model, parameters + std::string(cut, '\0')); }), "") << cut << " bytes more";
  }
}

// A pass computes with these before any operator looks at their extents.
TEST(HostileFileTest, StatisticsThatAreNotOneNumberForEachChannelAreRefused) {
  for (const char* slot : {"Scale", "Bias", "Mean", "Variance"}) {
    SCOPED_TRACE(slot);
    InferenceModel model = LoadInferenceModel(Golden("jit_conv_bn_relu/model"));
    const auto& ops = model.program->global_block().ops();
    const auto norm = std::find_if(ops.begin(), ops.end(), [](const auto& op) { return op->type == "batch_norm"; });
    const std::string name = (*norm)->inputs.One(slot);
    ASSERT_GT(model.parameters.Find(name)->num_elements(), 1);
    model.program->global_block().Var(name).shape = {1};
    model.parameters.Set(name, Tensor::Of<float>({1}, {1}));
    EXPECT_THAT(ErrorOf([&] {
      const Predictor predictor(ToPredictorModel(std::move(model)), {.num_threads = 1});
      Shape shape = predictor.Describe(predictor.input_names()[0]).shape;
      for (int axis = 0; axis < shape.rank(); ++axis) shape[axis] = std::max<int64_t>(shape[axis], 1);
      Tensor input(shape, DType::kFloat32);
      std::memset(input.raw_data(), 0, input.bytes());
      predictor.Run(std::vector<Tensor>{input});
    }), HasSubstr("batch_norm"));
  }
}

TEST(ReadLimitsTest, BoundWhatOneFileMayCost) {
  const std::string pickle = Golden("nested_pickles/list.p4.pkl"), program = Golden("seed_matmul_add/infer_model.pdmodel");
  EXPECT_EQ(ErrorOf([&] { LoadPickle(pickle); }), "");
  const auto limited = [](const ReadLimits& limits, const auto& read) {
    const ReadLimitsScope scope(limits);
    return ErrorOf(read);
  };
  EXPECT_THAT(limited({.max_objects = 3}, [&] { LoadPickle(pickle); }), HasSubstr("ReadLimits::max_objects = 3"));
  EXPECT_THAT(limited({.max_bytes = 100}, [&] { LoadPickle(pickle); }), HasSubstr("ReadLimits::max_bytes = 100"));
  EXPECT_THAT(limited({.max_depth = 0}, [&] { LoadPickle(pickle); }), HasSubstr("ReadLimits::max_depth = 0"));
  EXPECT_THAT(limited({.max_text_bytes = 1}, [&] { LoadPickle(Golden("nested_pickles/dict.p4.pkl")); }),
              AllOf(HasSubstr("ReadLimits::max_text_bytes = 1"), HasSubstr("at byte ")));
  // In protocol 2 the elements of an array are spelled as text, which they are not.
  EXPECT_EQ(limited({.max_text_bytes = 40}, [&] { LoadPickle(Golden("legacy_dygraph/model.pdparams")); }), "");
  EXPECT_THAT(limited({.max_objects = 3}, [&] { LoadProgram(program); }), HasSubstr("ReadLimits::max_objects = 3"));
  EXPECT_THAT(limited({.max_bytes = 1000}, [&] { LoadNpz(Golden("selected_rows/io.npz")); LoadProgram(program); }), HasSubstr("ReadLimits::max_bytes"));
  EXPECT_EQ(ErrorOf([&] { LoadProgram(program); }), "") << "the limits go with their scope";
}

}  // namespace
}  // namespace skiff::io
