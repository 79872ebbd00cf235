namespace Personalize.Core.Kernels;

/// <summary>Consecutive groups of eight rows and where their results go.</summary>
internal unsafe struct RowRun
{
    /// <summary>The first group's packed bytes.</summary>
    public byte* Weights;

    /// <summary>How many groups.</summary>
    public int Groups;

    /// <summary>Blocks of 32 columns in a row.</summary>
    public int Blocks;

    /// <summary>How many bytes beyond a block lies the one to ask for while it is computed; within the first block asks for nothing new.</summary>
    public long Ahead;

    /// <summary>How many bytes beyond a block lies the one to bring nearer meanwhile, where weights pass once; 0 for none.</summary>
    public long FarAhead;

    /// <summary>The weights that the thread is expected to pass over after these, which the last groups ask for where weights pass once; else null.</summary>
    public byte* Next;

    /// <summary>How many of the tile's tokens there are; no results are written for an empty row.</summary>
    public int Tokens;

    /// <summary>The first row's result of the tile's first token; eight are written for each group.</summary>
    public float* Output;

    /// <summary>Elements from a token's results to the next one's.</summary>
    public long OutputStride;
}
