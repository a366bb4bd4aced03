#include "store/safetensors.hpp"

#include <cmath>
#include <limits>

#include "shoal/error.hpp"
#include "store_fixture.hpp"

namespace shoal::store {
namespace {

/// 2 inputs, 1 hidden unit, 2 outputs. Rows of [W | b]: (1 2 | 3); (4 | 5), (6 | 7).
StoredNetwork small_network() {
  StoredNetwork network{.trial = trial_of("ab"), .parameters = {1, 2, 3, 4, 5, 6, 7}, .metric = 0.5};
  network.trial.topology = {
      .n_inputs = 2, .hidden_layer_sizes = {1}, .activations = {Activation::relu}, .n_outputs = 2};
  return network;
}

std::size_t header_length(const std::string& bytes) {
  std::size_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length * 256 + static_cast<unsigned char>(bytes[i]);
  return length;
}

/// The file with another header and the data as they are.
std::string with_header(const std::string& bytes, const std::string& header) {
  std::string out;
  for (std::size_t i = 0, n = header.size(); i < 8; ++i, n /= 256) out += static_cast<char>(n % 256);
  return out + header + bytes.substr(8 + header_length(bytes));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Safetensors, HasTheBytesOfTheFormat) {
  const std::string bytes = to_safetensors(small_network());
  const std::size_t length = header_length(bytes);
  EXPECT_EQ(length % 8, 0U);
  ASSERT_EQ(bytes.size(), 8 + length + 28);
  const std::string header = bytes.substr(8, length);
  EXPECT_TRUE(header.starts_with(R"({"__metadata__":{"format":"pt","trial":"{\"id\":\"ab\",\"number\":0,)")) << header;
  const std::string tensors = R"("layers.0.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
                              R"("layers.0.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
                              R"("layers.1.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[12,20]},)"
                              R"("layers.1.bias":{"dtype":"F32","shape":[2],"data_offsets":[20,28]}})";
  EXPECT_NE(header.find(tensors), std::string::npos) << header;
  EXPECT_NE(header.find(R"("metric":"0.5","crc32":")"), std::string::npos) << header;
  EXPECT_NE(header.find(R"(","parameter.hidden_layer_sizes":"[1]",)"), std::string::npos) << header;
  EXPECT_EQ(header.find("parameter.momentum"), std::string::npos) << "a parameter that adam does not use";
  // 1 2 | 3 | 4 6 | 5 7 as little-endian float32
  const std::string data(
      "\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40"
      "\x00\x00\xc0\x40\x00\x00\xa0\x40\x00\x00\xe0\x40",
      28);
  EXPECT_EQ(bytes.substr(8 + length), data);
}

TEST(Safetensors, ReadsBackEveryBit) {
  StoredNetwork network = small_network();
  network.parameters[2] = -0.0F;
  network.parameters[4] = std::numeric_limits<float>::denorm_min();
  network.metric = 0.1 + 0.2;
  const StoredNetwork back = from_safetensors(to_safetensors(network), "f");
  EXPECT_EQ(back.parameters, network.parameters);
  EXPECT_TRUE(std::signbit(back.parameters[2]));
  EXPECT_EQ(back.metric, 0.30000000000000004);
  EXPECT_EQ(back.trial.id, "ab");
  EXPECT_EQ(back.trial.topology, network.trial.topology);
  EXPECT_EQ(back.trial.hyperparameters, network.trial.hyperparameters);
}

TEST(Safetensors, KeepsAMetricThatIsNotANumber) {
  StoredNetwork network = small_network();
  network.metric = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(from_safetensors(to_safetensors(network), "f").metric));
  network.metric = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(from_safetensors(to_safetensors(network), "f").metric, network.metric);
}

TEST(Safetensors, RefusesParametersThatAreNotTheNetworks) {
  StoredNetwork network = small_network();
  network.parameters.pop_back();
  EXPECT_EQ(message_of([&] { (void)to_safetensors(network); }), "trial ab has 7 parameters, not 6");
}

TEST(Safetensors, RefusesEveryShorterFile) {
  const std::string bytes = to_safetensors(small_network());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_THROW((void)from_safetensors(bytes.substr(0, n), "f"), Error) << n;
  }
  EXPECT_EQ(message_of([&] { (void)from_safetensors(bytes.substr(0, 20), "f.safetensors"); }),
            "f.safetensors: not a stored network: it ends in its header");
}

TEST(Safetensors, RefusesEveryFlippedBitOfTheDataAndOfTheMetric) {
  const std::string good = to_safetensors(small_network());
  const auto refuses = [&](std::size_t at, std::size_t n_bytes) {
    for (std::size_t bit = 8 * at; bit < 8 * (at + n_bytes); ++bit) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(static_cast<unsigned char>(bad[bit / 8]) ^ (1U << bit % 8));
      EXPECT_THROW((void)from_safetensors(bad, "f"), Error) << bit;
      EXPECT_THROW((void)parameters_from_safetensors(bad, "f"), Error) << bit;
    }
  };
  refuses(good.size() - 28, 28);
  refuses(good.find("0.5"), 3);
  std::string bad = good;
  bad.back() = static_cast<char>(bad.back() ^ 1);
  EXPECT_EQ(message_of([&] { (void)from_safetensors(bad, "f"); }),
            "f: not a stored network: its checksum does not fit");
}

TEST(Safetensors, ReadsFilesWithoutAChecksum) {
  const std::string bytes = to_safetensors(small_network());
  const std::string header = bytes.substr(8, header_length(bytes));
  const std::string older = with_header(bytes, replaced(header, "crc32", "other"));
  EXPECT_EQ(from_safetensors(older, "f").parameters, small_network().parameters);
  EXPECT_EQ(parameters_from_safetensors(older, "f").parameters, small_network().parameters);
}

TEST(Safetensors, RefusesAHeaderThatLies) {
  const std::string bytes = to_safetensors(small_network());
  const std::string header = bytes.substr(8, header_length(bytes));
  const auto message = [&](const std::string& from, const std::string& to) {
    const std::string changed = with_header(bytes, replaced(header, from, to));
    return message_of([&] { (void)from_safetensors(changed, "f"); });
  };
  const std::string prefix = "f: not a stored network: ";
  EXPECT_EQ(message("[0,8]", "[0,12]"), prefix + "layers.0.weight lies outside of the file");
  EXPECT_EQ(message("[20,28]", "[24,32]"), prefix + "layers.1.bias lies outside of the file");
  EXPECT_EQ(message("[8,12]", "[8]"), prefix + "layers.0.bias lies outside of the file");
  EXPECT_EQ(message("[1,2]", "[2,1]"), prefix + "layers.0.weight has the wrong shape");
  EXPECT_EQ(message("F32", "F64"), prefix + "layers.0.weight is not float32");
  EXPECT_EQ(message("\\\"n_outputs\\\":2", "\\\"n_outputs\\\":3"), prefix + "the data's size is not the network's");
  EXPECT_EQ(message("\\\"n_outputs\\\":2", "\\\"n_outputs\\\":-2"), prefix + "the trial's network is not a network");
  EXPECT_EQ(message(R"("metric":"0.5")", R"("metric":"0.5x")"), prefix + "metric is no number");
  EXPECT_TRUE(message(R"("layers.1.bias")", R"("layers.9.bias")").starts_with(prefix));
  EXPECT_TRUE(message("{", "[").starts_with(prefix));
}

}  // namespace
}  // namespace shoal::store
