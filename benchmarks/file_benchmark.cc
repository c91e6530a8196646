// Saving and loading beside the plainest way to move the same bytes, in turn, on one disk:
//
//   build/cpu/bin/file_benchmark [FOLDER [ROUNDS]]     default: the current folder, 7 rounds
//
// Medians over the rounds, and the median of the rounds' ratios: disks are noisy, ratios less so.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "framework/base/error.h"
#include "framework/layers/layers.h"
#include "io/inference_model.h"
#include "io/mapped_file.h"
#include "io/state_dict.h"

namespace skiff {
namespace {

double Seconds(const std::function<void()>& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Each way in turn; the first is what the others are compared with.
struct Way {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds = {}, ratios = {};
};

void Compare(const char* title, double bytes, int rounds, std::vector<Way> ways) {
  for (int round = 0; round < rounds; ++round) {
    for (Way& way : ways) way.seconds.push_back(Seconds(way.run));
    for (Way& way : ways) way.ratios.push_back(ways[0].seconds.back() / way.seconds.back());
  }
  std::printf("%s\n", title);
  for (const Way& way : ways) {
    const double seconds = Median(way.seconds);
    std::printf("  %-44s %7.1f ms  %6.2f GB/s  %5.2f of the first's speed\n", way.name.c_str(), seconds * 1e3,
                bytes / seconds * 1e-9, Median(way.ratios));
  }
}

void Check(bool fine, const std::string& what) { SKIFF_ENFORCE(fine, External, what, ": ", std::strerror(errno)); }

void WriteRaw(const std::string& path, const std::vector<Tensor>& tensors) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  Check(fd >= 0, path);
  for (const Tensor& tensor : tensors) {
    const char* data = static_cast<const char*>(tensor.raw_data());
    for (size_t left = tensor.bytes(); left > 0;) {
      const ssize_t written = ::write(fd, data, left);
      Check(written > 0, path);
      data += written;
      left -= static_cast<size_t>(written);
    }
  }
  Check(::fsync(fd) == 0, path);
  ::close(fd);
}

void ReadRaw(const std::string& path, std::vector<char>* buffer) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  Check(fd >= 0, path);
  buffer->resize(std::filesystem::file_size(path));
  for (size_t have = 0; have < buffer->size();) {
    const ssize_t got = ::read(fd, buffer->data() + have, buffer->size() - have);
    Check(got > 0, path);
    have += static_cast<size_t>(got);
  }
  ::close(fd);
}

void ReadAnew(const std::string& path) {
  std::vector<char> buffer;
  ReadRaw(path, &buffer);
}

// `count` parameters of 4 MiB each.
struct Net {
  explicit Net(int count) {
    ProgramGuard programs(main, startup);
    Var sum = layers::Data("x", {-1, 1024});
    for (int i = 0; i < count; ++i) sum = sum + layers::CreateParameter({1024, 1024}, DType::kFloat32, {.name = "w" + std::to_string(i)});
    out = sum.name();
    for (int i = 0; i < count; ++i) {
      Tensor tensor({1024, 1024}, DType::kFloat32);
      for (int64_t k = 0; k < tensor.num_elements(); ++k) tensor.data<float>()[k] = static_cast<float>(k % 1000 + i);
      scope.SetTensor("w" + std::to_string(i), tensor);
      tensors.push_back(tensor);
    }
  }
  Program main, startup;
  Scope scope;
  std::string out;
  std::vector<Tensor> tensors;
};

int Run(const std::string& parent, int rounds) {
  const std::string folder = parent + "/file_benchmark_files";
  std::filesystem::create_directories(folder);
  const auto at = [&](const char* name) { return folder + "/" + name; };
  {
    const Net net(64);
    io::StateDict state;
    for (size_t i = 0; i < net.tensors.size(); ++i) state.Set("w" + std::to_string(i), net.tensors[i]);
    const double bytes = 64 * 4.0 * 1024 * 1024;
    Compare("saving 256 MiB, flushed to the disk", bytes, rounds,
            {{"write() and fsync()", [&] { WriteRaw(at("raw"), net.tensors); }},
             {"SaveStateDict (.pdparams)", [&] { io::SaveStateDict(state, at("state.pdparams")); }},
             {"SaveInferenceModel (.pdiparams, checksums)",
              [&] { io::SaveInferenceModel(at("model"), {"x"}, {net.out}, net.main, net.scope); }},
             {"SaveInferenceModel without checksums", [&] {
                io::SaveInferenceModel(at("plain"), {"x"}, {net.out}, net.main, net.scope, {.checksums = false});
              }}});
    Compare("loading 256 MiB from the page cache", bytes, rounds,
            {{"read() into new memory", [&] { ReadAnew(at("state.pdparams")); }},
             {"LoadStateDict (.pdparams)", [&] { io::LoadStateDict(at("state.pdparams")); }}});
  }
  const Net net(100);
  io::SaveInferenceModel(at("large"), {"x"}, {net.out}, net.main, net.scope);
  std::vector<char> buffer;
  ReadRaw(at("large.pdiparams"), &buffer);
  const auto load = [&](io::TensorMemory memory, bool verify) {
    return [&, memory, verify] { io::LoadInferenceModel(at("large"), {.memory = memory, .verify_checksums = verify}); };
  };
  Compare("loading a model of 400 MiB from the page cache", 100 * 4.0 * 1024 * 1024, rounds,
          {{"read() into memory that is there", [&] { ReadRaw(at("large.pdiparams"), &buffer); }},
           {"read() into new memory", [&] { ReadAnew(at("large.pdiparams")); }},
           {"a predictor, mapped, checksums compared",
            [&] { io::LoadPredictor(at("large"), {.num_threads = 1}, {.memory = io::TensorMemory::kShared}); }},
           {"mapped, checksums compared", load(io::TensorMemory::kShared, true)},
           {"mapped", load(io::TensorMemory::kShared, false)},
           {"copied, checksums compared", load(io::TensorMemory::kOwn, true)}});
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace skiff

int main(int argc, char** argv) {
  try {
    return skiff::Run(argc > 1 ? argv[1] : ".", argc > 2 ? std::max(1, std::atoi(argv[2])) : 7);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
