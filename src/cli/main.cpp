#include "cli/shoal.hpp"

int main(int argc, char** argv) { return shoal::cli::run(argc, argv); }
