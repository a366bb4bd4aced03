#include "export/onnx_graph.hpp"

#include <gtest/gtest.h>

namespace shoal::exporting {
namespace {

using namespace std::string_literals;

TEST(Protobuf, HasTheBytesOfTheEncodingGuide) {
  // The examples of protobuf.dev/programming-guides/encoding: field 1 is 150, field 2 "testing", field 3 the first one.
  const Message first = Message().integer(1, 150);
  EXPECT_EQ(first.bytes(), "\x08\x96\x01");
  EXPECT_EQ(Message().text(2, "testing").bytes(), "\x12\x07testing");
  EXPECT_EQ(Message().message(3, first).bytes(), "\x1a\x03\x08\x96\x01");
  // -2 as int64: two's complement on ten bytes; 25.4f little-endian; a field above 15 has a tag of two bytes.
  EXPECT_EQ(Message().integer(1, -2).bytes(), "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  EXPECT_EQ(Message().real(2, 25.4F).bytes(), "\x15\x33\x33\xcb\x41");
  EXPECT_EQ(Message().integer(20, 2).bytes(), "\xa0\x01\x02");
}

TEST(OnnxGraph, WritesAModelOfOneNode) {
  OnnxGraph graph;
  const std::string x = graph.input("x", OnnxType::real, 2);
  graph.output("y", graph.node("Relu", {x}), OnnxType::real, 2);
  const std::string model = graph.model({"1.2", "d", {{"k", "v"}}});
  const std::string value = "\x12\x0f\x0a\x0d\x08\x01\x12\x09\x0a\x03\x12\x01N\x0a\x02\x08\x02"s;
  const std::string nodes =
      "\x0a\x19\x0a\x01x\x12\x06Relu_0\x1a\x06Relu_0\x22\x04Relu"
      "\x0a\x18\x0a\x06Relu_0\x12\x01y\x1a\x01y\x22\x08Identity"s;
  const std::string body = nodes + "\x12\x05shoal"s + "\x5a\x14\x0a\x01x"s + value + "\x62\x14\x0a\x01y"s + value;
  const std::string expected =
      "\x08\x07\x12\x05shoal\x1a\x03"
      "1.2\x32\x01"
      "d\x3a"s +
      static_cast<char>(body.size()) + body +
      "\x42\x04\x0a\x00\x10\x0d\x42\x0e\x0a\x0a"s
      "ai.onnx.ml\x10\x02\x72\x06\x0a\x01k\x12\x01v";
  EXPECT_EQ(model, expected);
}

TEST(OnnxGraph, KeepsNamesApart) {
  OnnxGraph graph;
  EXPECT_EQ(graph.input("label", OnnxType::real, 1), "label");
  EXPECT_EQ(graph.input("Abs_0", OnnxType::real, 1), "Abs_0");
  EXPECT_EQ(graph.node("Abs", {"label"s}), "Abs_0_");
  graph.output("label", "Abs_0_", OnnxType::real, 1);
  EXPECT_NE(graph.model({}).find("\x0a\x06label_"), std::string::npos);
}

}  // namespace
}  // namespace shoal::exporting
