#include "nvrtc.hpp"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace fs = std::filesystem;

struct EmulatedProgram {
  std::string source, name;
  std::vector<std::pair<std::string, std::string>> headers;  ///< name, text
  std::string log, image;
};

namespace {

std::size_t n_compiled = 0;
bool refuses = false;

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}
std::string read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Compiles in a folder of its own.
nvrtcResult compile(EmulatedProgram& program, const fs::path& folder) {
  // The host has a standard library, so only what stands in folders is needed of the headers.
  for (const auto& [name, text] : program.headers) {
    if (name.find('/') != std::string::npos) write(folder / name, text);
  }
  write(folder / "program.cpp", program.source);
  const std::string command = std::string(SHOAL_EMULATED_NVRTC) + " -shared -fPIC -I'" + folder.string() +
                              "' " SHOAL_EMULATED_NVRTC_FLAGS " -o '" + (folder / "image").string() + "' '" +
                              (folder / "program.cpp").string() + "' 2> '" + (folder / "log").string() + "'";
  const int status = std::system(command.c_str());
  program.log = read(folder / "log");
  program.image = read(folder / "image");
  return status == 0 ? NVRTC_SUCCESS : NVRTC_ERROR_COMPILATION;
}

nvrtcResult hand_out(const std::string& from, char* to) {
  std::memcpy(to, from.data(), from.size());
  return NVRTC_SUCCESS;
}

}  // namespace

const char* nvrtcGetErrorString(nvrtcResult result) {
  return result == NVRTC_SUCCESS             ? "NVRTC_SUCCESS"
         : result == NVRTC_ERROR_COMPILATION ? "NVRTC_ERROR_COMPILATION"
                                             : "NVRTC_ERROR_INVALID_PROGRAM";
}

nvrtcResult nvrtcVersion(int* major, int* minor) {
  *major = 0;
  *minor = getpid();
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* source, const char* name, int n_headers,
                               const char* const* headers, const char* const* include_names) {
  *program = new EmulatedProgram{source, name, {}, {}, {}};
  for (int i = 0; i < n_headers; ++i) (*program)->headers.emplace_back(include_names[i], headers[i]);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
  delete *program;
  *program = nullptr;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int, const char* const*) {
  if (refuses) {
    program->log = program->name + ": error: refused";
    return NVRTC_ERROR_COMPILATION;
  }
  ++n_compiled;
  std::string folder = (fs::temp_directory_path() / "shoal-nvrtc-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return NVRTC_ERROR_OUT_OF_MEMORY;
  const nvrtcResult result = compile(*program, folder);
  fs::remove_all(folder);
  return result;
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, std::size_t* bytes) {
  *bytes = program->log.size();
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* log) { return hand_out(program->log, log); }
nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, std::size_t* bytes) {
  *bytes = program->image.size();
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* image) { return hand_out(program->image, image); }

namespace shoal::emulation {

std::size_t n_compilations() { return n_compiled; }
void refuse_compilation(bool refuse) { refuses = refuse; }

}  // namespace shoal::emulation
