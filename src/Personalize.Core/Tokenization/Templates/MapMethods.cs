namespace Personalize.Core.Tokenization.Templates;

/// <summary>The methods of dictionaries.</summary>
internal static class MapMethods
{
    /// <summary>The method of a name, bound to its dictionary, or null.</summary>
    public static FunctionValue? Find(MapValue map, string name) => name switch
    {
        "items" => new((context, arguments) => arguments.CheckNone(context, name, Items(map))),
        "keys" => new((context, arguments) => arguments.CheckNone(context, name, new ListValue([.. map.Entries.Select(entry => entry.Key)]))),
        "values" => new((context, arguments) => arguments.CheckNone(context, name, new ListValue([.. map.Entries.Select(entry => entry.Value)]))),
        "get" => new((context, arguments) => Get(context, map, arguments)),
        _ => null,
    };

    /// <summary>The entries as pairs.</summary>
    public static ListValue Items(MapValue map) => new([.. map.Entries.Select(entry => new ListValue([entry.Key, entry.Value]))]);

    private static TemplateValue Get(RenderContext context, MapValue map, CallArguments arguments)
    {
        arguments.CheckCount(context, "get", 1, 2);
        return arguments.Positional[0] is TemplateText key && map.TryGet(key.Value, out var value) ? value : arguments.Take(1, "default") ?? NoneValue.Instance;
    }
}
