using Personalize.Core.Adapters;

namespace Personalize.Inference.Decoding;

/// <summary>Sees the inputs of linear maps while a session computes.</summary>
/// <param name="layer">The layer, counted from 0.</param>
/// <param name="module">The first of the maps that share the input: query (with key and value), output, gate (with up) or down.</param>
/// <param name="inputs">The inputs <c>[tokens, size of the map's input]</c>; not to be kept.</param>
/// <param name="tokens">How many rows there are.</param>
internal unsafe delegate void ProjectionInputObserver(int layer, LinearModule module, float* inputs, int tokens);
