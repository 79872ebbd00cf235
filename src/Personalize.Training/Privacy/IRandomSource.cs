namespace Personalize.Training.Privacy;

/// <summary>Where the bits of sampling and noise come from. A guarantee holds only if nobody can foresee them.</summary>
internal interface IRandomSource
{
    /// <summary>Fills the bytes with uniform bits.</summary>
    void Fill(Span<byte> bytes);
}
