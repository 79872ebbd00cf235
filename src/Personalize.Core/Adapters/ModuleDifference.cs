namespace Personalize.Core.Adapters;

/// <summary>How one linear map's update differs between two adapters.</summary>
/// <param name="Layer">The layer, counted from 0.</param>
/// <param name="Module">The linear map.</param>
/// <param name="NormOfADifference">The Frobenius norm of the difference of the two A; null where one lacks the map or the shapes differ.</param>
/// <param name="NormOfBDifference">The same of the two B.</param>
/// <param name="UpdateCosine">The cosine of the two products <c>B A</c> as vectors, which does not depend on how a product is split; null where one is missing, zero, or of another size.</param>
public sealed record ModuleDifference(int Layer, LinearModule Module, double? NormOfADifference, double? NormOfBDifference, double? UpdateCosine);
