namespace Personalize.Cli.Hosting;

/// <summary>What the process returns; scripts rely on the values.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>Failed, or stopped.</summary>
    public const int Failed = 1;

    /// <summary>Wrong usage.</summary>
    public const int Usage = 2;

    /// <summary>Refused for want of consent, by the device's conditions or by the gate.</summary>
    public const int Refused = 3;

    /// <summary>A file is bad or missing.</summary>
    public const int BadFile = 4;

    /// <summary>The key is wrong, or the store was tampered with.</summary>
    public const int KeyOrStore = 5;
}
