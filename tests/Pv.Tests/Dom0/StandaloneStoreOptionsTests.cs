using NUnit.Framework;
using Pv.Abi;
using Pv.Dom0.XenStore;

namespace Pv.Tests.Dom0;

[TestFixture]
public sealed class StandaloneStoreOptionsTests
{
    [Test]
    public void A_socket_and_any_number_of_guests()
    {
        var options = StandaloneStoreOptions.Parse(["--guest", "1=/run/one", "--socket", "/run/tools", "--guest", "2=/run/a=b"]);
        Assert.That(options.Socket, Is.EqualTo("/run/tools"));
        Assert.That(options.Guests, Is.EqualTo(new Dictionary<DomId, string> { [new(1)] = "/run/one", [new(2)] = "/run/a=b" }));
    }

    [TestCase("needs --socket")]
    [TestCase("takes PATH, not ''", "--socket")]
    [TestCase("does not know '--speed'", "--socket", "/s", "--speed", "9")]
    [TestCase("does not know 'list'", "list")]
    [TestCase("takes DOMID=PATH, not '1'", "--socket", "/s", "--guest", "1")]
    [TestCase("takes DOMID=PATH, not '=/g'", "--socket", "/s", "--guest", "=/g")]
    [TestCase("takes DOMID=PATH, not '1='", "--socket", "/s", "--guest", "1=")]
    [TestCase("from 1 to 32751, not '0'", "--socket", "/s", "--guest", "0=/g")]
    [TestCase("from 1 to 32751, not '32752'", "--socket", "/s", "--guest", "32752=/g")]
    [TestCase("from 1 to 32751, not 'x'", "--socket", "/s", "--guest", "x=/g")]
    [TestCase("domain 1 twice", "--socket", "/s", "--guest", "1=/g", "--guest", "1=/h")]
    public void What_makes_no_sense_is_refused(string reason, params string[] words)
        => Assert.That(Assert.Throws<FormatException>(() => StandaloneStoreOptions.Parse(words))!.Message, Does.Contain(reason));
}
