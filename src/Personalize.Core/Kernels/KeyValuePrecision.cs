namespace Personalize.Core.Kernels;

/// <summary>How cached keys and values are kept.</summary>
public enum KeyValuePrecision
{
    /// <summary>32 bits a number.</summary>
    Single,

    /// <summary>16 bits a number: half the memory and half the traffic, with eleven significant bits.</summary>
    Half,

    /// <summary>8 bits a number, with a scale in single precision for each head's key and each head's value of a token: a quarter of single precision's memory and a sixteenth more.</summary>
    EightBits,
}
