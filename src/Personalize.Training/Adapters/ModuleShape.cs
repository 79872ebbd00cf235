using System.Runtime.InteropServices;
using Personalize.Core.Adapters;
using Personalize.Core.Models;

namespace Personalize.Training.Adapters;

/// <summary>The sizes of one of a layer's linear maps.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ModuleShape(int InputSize, int OutputSize)
{
    public static ModuleShape Of(DecoderDescription description, LinearModule module) => module switch
    {
        LinearModule.Query => new ModuleShape(description.HiddenSize, description.QuerySize),
        LinearModule.Key or LinearModule.Value => new ModuleShape(description.HiddenSize, description.KeyValueSize),
        LinearModule.Output => new ModuleShape(description.QuerySize, description.HiddenSize),
        LinearModule.Gate or LinearModule.Up => new ModuleShape(description.HiddenSize, description.IntermediateSize),
        LinearModule.Down => new ModuleShape(description.IntermediateSize, description.HiddenSize),
        _ => throw new ArgumentOutOfRangeException(nameof(module), module, "not a linear module"),
    };
}
