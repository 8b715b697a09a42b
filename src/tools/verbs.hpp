// The verbs of the halcyon command, one a file. Each returns the exit status; what cannot go on ends the
// program through fail().
#pragma once
#include <string>
#include <vector>

namespace tools {

using Words = std::vector<std::string>;

int run(const Words& words);
int bench(const Words& words);
int inspect(const Words& words);
int verify(const Words& words);
int devices(const Words& words);

}  // namespace tools
