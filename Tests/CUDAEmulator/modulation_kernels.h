// The kernels between the products of a block for NUMBER and DEPTH, as NVRTC gets them. For every type and size once:
// into a namespace of its own.
namespace results {
#include "CUDA/Device/modulation.cu"
}
namespace gradients {
#include "CUDA/Device/modulation_gradients.cu"
}
const Kernels kernels = {
    {"modulate", called<Rows, results::modulate>},
    {"add_gated", called<Rows, results::add_gated>},
    {"add_gated_and_modulate", called<Rows, results::add_gated_and_modulate>},
    {"differentiate_modulated", called<Gradients, gradients::differentiate_modulated>},
    {"differentiate_gated", called<Gradients, gradients::differentiate_gated>},
    {"differentiate_gated_and_modulated", called<Gradients, gradients::differentiate_gated_and_modulated>},
    {"add_parts", called<Gradients, gradients::add_parts>},
};
