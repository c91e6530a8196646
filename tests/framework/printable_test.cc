#include "framework/base/printable.h"

#include <gmock/gmock.h>

#include <chrono>

#include "framework/base/error.h"

namespace skiff {
namespace {

using ::testing::EndsWith;
using namespace std::string_literals;

TEST(PrintableTest, TextOfAnyLanguageStaysAsItIs) {
  for (const char* text : {"", "conv2d_0.w_0", "模型 é ñ 😀", "two\nlines\tof text", "C:\\folder"}) EXPECT_EQ(Printable(text), text);
}

TEST(PrintableTest, WhatATerminalObeysIsSpelledOut) {
  EXPECT_EQ(Printable("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(Printable("a\rb\x7f"), "a\\x0db\\x7f");
  EXPECT_EQ(Printable("\u009b31m"), "\\xc2\\x9b31m");                     // the same command in one character
  EXPECT_EQ(Printable("a\u202eb\u2066"), "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6");  // text from right to left
  EXPECT_EQ(Printable("a\0b"s), "a\\x00b");
}

TEST(PrintableTest, BytesThatAreNoUtf8AreSpelledOut) {
  EXPECT_EQ(Printable("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(Printable("\xc0\xaf"), "\\xc0\\xaf");          // an overlong /
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half a surrogate pair
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(Printable("\xe6\xa8"), "\\xe6\\xa8");  // cut
}

TEST(PrintableTest, OneLineStaysOne) { EXPECT_EQ(PrintableLine("w\nfake: line\t\x1b"), "w\\nfake: line\\t\\x1b"); }

TEST(PrintableTest, MessagesOfErrorsArePrintable) {
  NotFound error("no \"w\x1b[2J\xff\"");
  error.AddContext("did you mean \"w\0x\"?"s);
  EXPECT_THAT(error.what(), EndsWith("no \"w\\x1b[2J\\xff\"\n  did you mean \"w\\x00x\"?"));
}

TEST(DidYouMeanTest, ManyLongNamesTakeNoTime) {
  const std::vector<std::string> names(200'000, std::string(250, 'a'));  // 1.2e10 steps for all of them
  const auto start = std::chrono::steady_clock::now();
  DidYouMean(std::string(249, 'a') + "b", names);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_EQ(DidYouMean("fc_0.w", {"fc_0.w_0", "conv"}), "did you mean \"fc_0.w_0\"?");
}

}  // namespace
}  // namespace skiff
