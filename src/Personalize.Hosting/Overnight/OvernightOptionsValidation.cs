using Microsoft.Extensions.Options;

namespace Personalize.Hosting.Overnight;

/// <summary>Stops a host whose overnight options cannot work.</summary>
internal sealed class OvernightOptionsValidation : IValidateOptions<OvernightOptions>
{
    public ValidateOptionsResult Validate(string? name, OvernightOptions options) => options.Problem() is { } problem ? ValidateOptionsResult.Fail(problem) : ValidateOptionsResult.Success;
}
