using System.IO.Compression;
using System.Xml.Linq;

namespace Personalize.Packaging.Tests;

/// <summary>Packs everything, installs it from a folder into a project outside the repository, without any network, and runs it.</summary>
public sealed class PackagesTests : IDisposable
{
    private const string Version = "0.0.1-outside";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void From_a_folder_the_libraries_and_the_tool_are_installed_and_work()
    {
        var feed = Directory.CreateDirectory(_folder["feed"]).FullName;
        foreach (var project in new[] { "Personalize.Core", "Personalize.Training", "Personalize.Inference", "Personalize.Hosting", "Personalize.Cli" })
        {
            Dotnet.Run(SharedFiles.Repository, "pack", Path.Combine("src", project), "-c", Dotnet.Configuration, "--no-build", "-o", feed, $"-p:PackageVersion={Version}", "-nodeReuse:false");
        }

        Assert.Equal(
            ["Personalize.Core", "Personalize.Hosting", "Personalize.Inference", "Personalize.Training", "personalize"],
            Directory.GetFiles(feed, "*.nupkg").Select(path => Path.GetFileName(path).Replace($".{Version}.nupkg", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        foreach (var package in Directory.GetFiles(feed, "*.nupkg"))
        {
            AssertPresentable(package);
        }

        // The packages of others come from where this repository's build already has them.
        _folder.Write("nuget.config", $"""<configuration><packageSources><clear /><add key="feed" value="{feed}" /></packageSources></configuration>""");
        UseLibraries();
        UseTool(feed);
    }

    private static void AssertPresentable(string package)
    {
        using var archive = ZipFile.OpenRead(package);
        var names = archive.Entries.Select(entry => entry.FullName).ToArray();
        Assert.Contains("README.md", names);
        using var specification = archive.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        var metadata = XDocument.Load(specification).Root!.Elements().First();
        string? Value(string name) => metadata.Elements().FirstOrDefault(element => element.Name.LocalName == name)?.Value;
        Assert.False(string.IsNullOrEmpty(Value("license")), package);
        Assert.False(string.IsNullOrEmpty(Value("description")) || Value("description") == "Package Description", package);
        Assert.Equal("README.md", Value("readme"));
        if (!Path.GetFileName(package).StartsWith("personalize.", StringComparison.Ordinal))
        {
            Assert.Contains(names, name => name.StartsWith("lib/net10.0/Personalize.", StringComparison.Ordinal) && name.EndsWith(".xml", StringComparison.Ordinal));
        }
    }

    private void UseLibraries()
    {
        var outside = Directory.CreateDirectory(_folder["outside"]).FullName;
        var cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        File.WriteAllText(
            Path.Combine(outside, "Outside.csproj"),
            $"""
             <Project Sdk="Microsoft.NET.Sdk">
               <PropertyGroup>
                 <OutputType>Exe</OutputType>
                 <TargetFramework>net10.0</TargetFramework>
                 <Nullable>enable</Nullable>
                 <ImplicitUsings>enable</ImplicitUsings>
                 <NuGetAudit>false</NuGetAudit>
                 <RestorePackagesPath>{_folder["packages"]}</RestorePackagesPath>
                 <RestoreFallbackFolders>{cache}</RestoreFallbackFolders>
               </PropertyGroup>
               <ItemGroup>
                 <PackageReference Include="Personalize.Hosting" Version="{Version}" />
                 <PackageReference Include="Microsoft.Extensions.Hosting" Version="10.0.14" />
               </ItemGroup>
             </Project>
             """);
        File.Copy(Path.Combine(SharedFiles.Repository, "examples", "1-embed-and-chat", "Program.cs"), Path.Combine(outside, "Program.cs"));
        var said = Dotnet.Run(outside, "run", "-c", "Release", "--", TinyModel.Write(_folder), _folder["profile"]);
        Assert.Contains("answering with the model as it came", said, StringComparison.Ordinal);
    }

    private void UseTool(string feed)
    {
        var tools = _folder["tools"];
        Dotnet.Run(_folder.Path, "tool", "install", "personalize", "--tool-path", tools, "--version", Version, "--configfile", _folder["nuget.config"], "--no-cache");
        var assembly = Directory.GetFiles(tools, "personalize.dll", SearchOption.AllDirectories).Single();
        Assert.DoesNotContain(SharedFiles.Repository, assembly, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(tools, OperatingSystem.IsWindows() ? "personalize.exe" : "personalize")), feed);
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(assembly)!, "errands.gguf", SearchOption.AllDirectories));
        Assert.Contains("smollm2-135m", Dotnet.Run(_folder.Path, assembly, "models", "list"), StringComparison.Ordinal);
        Assert.Contains("[104,105]", Dotnet.Run(_folder.Path, assembly, "tokenize", "--model", TinyModel.Write(_folder), "--text", "hi", "--json"), StringComparison.Ordinal);
    }
}
