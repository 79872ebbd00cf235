using Microsoft.Data.Sqlite;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;

namespace Personalize.Core.Tests.Interactions;

/// <summary>A fresh profile with consent for the source <c>app</c>.</summary>
internal sealed class StoreFixture : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ProfileOptions _options;
    private Profile? _profile;

    public StoreFixture(int fewestWaitingRows = TakenKeys.DefaultFewest)
    {
        _options = new ProfileOptions { FewestWaitingRows = fewestWaitingRows };
        Store.Consent.Give("app");
    }

    public string Directory => _folder["profile"];

    public string Database => _folder["profile/interactions.db"];

    public IInteractionStore Store => Profile.Interactions;

    public Profile Profile => _profile ??= Profile.Open(Directory, _options);

    public static Interaction Sample(string text, long seconds = 0, string? id = null, string source = "app", string context = "a context")
        => new(0, id, DateTimeOffset.FromUnixTimeSeconds(seconds), source, context, text);

    public void Close()
    {
        _profile?.Dispose();
        _profile = null;
    }

    /// <summary>Changes the closed database as somebody with access to the file would.</summary>
    public void Tamper(string sql)
    {
        Close();
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public void Dispose()
    {
        Close();
        _folder.Dispose();
    }
}
