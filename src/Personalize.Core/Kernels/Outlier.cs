namespace Personalize.Core.Kernels;

/// <summary>A column of a tile in which activations of one token or several are too large to share a scale with their neighbours.</summary>
internal unsafe struct Outlier
{
    /// <summary>Where it stands in the rows.</summary>
    public int Column;

    /// <summary>What each of the tile's tokens has there; 0 where it is no outlier of the token.</summary>
    public fixed float Values[4];
}
