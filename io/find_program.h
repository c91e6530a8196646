// Which file holds the program of a model, where only the prefix of its files is known.
#pragma once

#include <string>

namespace skiff::io {

struct ProgramFile {
  std::string path;         // "" where there is none
  std::string passed_over;  // the other one of two that may have been meant, else ""
};

/// @param path  A name that ends in .pdmodel or .json means that file. Else, of path.pdmodel (Paddle 2) and path.json (Paddle 3),
///     the one that is there. Where both are, they share one path.pdiparams: the one that the checksums beside them name is that
///     of the last save; without checksums it is path.json, which Paddle 3.3 reads. A path.json that is no program does not count.
/// Source: paddle.static.load_inference_model of 3.3.1; that of 2.6.2 knows path.pdmodel alone.
ProgramFile FindProgramFile(const std::string& path);

/// For those who gave only a prefix: that there are two programs, which one was read, and what to do. "" where there was no choice.
std::string ToldOfTwoPrograms(const ProgramFile& found);

}  // namespace skiff::io
