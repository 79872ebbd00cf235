using Microsoft.Extensions.AI;
using Personalize.Inference.Adapters;
using Personalize.Inference.Chat;

namespace Personalize.Hosting.Chat;

/// <summary>A chat client over one adapter. It is freed when it was replaced and the last answer under way has ended. Not thread-safe: its owner counts under a lock.</summary>
internal sealed class ServedAdapter(string? id, PersonalizeChatClient client, AttachedAdapter? adapter)
{
    private int _users;
    private bool _isReplaced;

    public string? Id => id;

    public IChatClient Client => client;

    public void Enter() => _users++;

    public void Leave()
    {
        _users--;
        FreeIfDone();
    }

    public void Replace()
    {
        _isReplaced = true;
        FreeIfDone();
    }

    private void FreeIfDone()
    {
        if (_isReplaced && _users == 0)
        {
            client.Dispose();
            adapter?.Dispose();
        }
    }
}
