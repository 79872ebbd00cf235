using Personalize.Core.Adapters;
using Personalize.Core.Quantization;

namespace Personalize.Inference.Merging;

/// <summary>What became of one adapted tensor.</summary>
/// <param name="Name">Its name in the model file.</param>
/// <param name="Layer">The layer, counted from 0.</param>
/// <param name="Module">The linear map.</param>
/// <param name="OriginalType">How the base stores it.</param>
/// <param name="Type">How the merged weights store it.</param>
/// <param name="OriginalBytes">What it takes in the base.</param>
/// <param name="Bytes">What it takes merged.</param>
/// <param name="Error">The squared error of the rounding over the squared update, both as they appear in the map's output on the calibration text where there is one: 1 is as much as leaving the update out.</param>
public sealed record MergedTensor(string Name, int Layer, LinearModule Module, GgmlType OriginalType, GgmlType Type, long OriginalBytes, long Bytes, double Error);
