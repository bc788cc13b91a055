"""Our mail server and our provider of SMS as clients see them that others wrote: Python's smtplib and curl."""

import argparse
import json
import smtplib
import subprocess
import urllib.request
from email.message import EmailMessage

arguments = argparse.ArgumentParser()
arguments.add_argument("--smtp", type=int, required=True)
arguments.add_argument("--http", type=int, required=True)
options = arguments.parse_args()
base = f"http://127.0.0.1:{options.http}"


def fault(name):
    body = json.dumps({"fault": name}).encode()
    urllib.request.urlopen(urllib.request.Request(base + "/fault", body, {"Content-Type": "application/json"}))


def messages():
    return json.load(urllib.request.urlopen(base + "/messages"))["items"]


def mail(subject, text):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "isp@example.com", "rahim@example.com", subject
    message["Message-ID"] = "<one@example.com>"
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", options.smtp, timeout=10) as server:
        server.login("demo", "any")
        server.send_message(message)


def refused(code, action):
    try:
        action()
    except smtplib.SMTPRecipientsRefused as error:
        assert [answer[0] for answer in error.recipients.values()] == [code], error.recipients
    except smtplib.SMTPResponseException as error:
        assert error.smtp_code == code, error
    else:
        raise AssertionError(f"{code} was expected")


def curl(*words):
    return subprocess.run(["curl", "-sS", *words], capture_output=True, text=True, timeout=20)


text = "প্রিয় রহিম,\n.একটি বিন্দু দিয়ে শুরু\n৳৮০০ পেয়েছি।"
mail("রসিদ R-০০০০০১", text)
(seen,) = messages()
assert seen["subject"] == "রসিদ R-০০০০০১" and seen["text"] == text, seen
assert seen["to"] == "rahim@example.com" and seen["id"] == "<one@example.com>", seen

for name, code in [("busy", 450), ("refused", 550), ("down", 421)]:
    fault(name)
    refused(code, lambda: mail("x", "y"))
fault("taken_and_cut")
try:
    mail("cut", "y")
except smtplib.SMTPServerDisconnected:
    pass
else:
    raise AssertionError("an answer came")
assert [message["subject"] for message in messages()] == ["রসিদ R-০০০০০১", "cut"]

form = ["--data-urlencode", "api_key=k", "-d", "number=8801712345678&senderid=ISP", "--data-urlencode", "message=৳ & ?"]
answer = json.loads(curl(base + "/api/smsapi", *form).stdout)
assert answer["response_code"] == 202 and answer["message_id"] > 0, answer
assert messages()[-1]["text"] == "৳ & ?", messages()[-1]
answer = json.loads(curl("-G", base + "/api/smsapi", *form).stdout)
assert answer["response_code"] == 202, answer
answer = json.loads(curl(base + "/api/smsapi", "-d", "api_key=k&number=12&message=x").stdout)
assert answer["response_code"] == 1001, answer
fault("down")
answer = json.loads(curl(base + "/api/smsapi", *form).stdout)
assert answer["response_code"] == 1007, answer
body = json.dumps({"api_token": "t", "sid": "ISP", "msisdn": "8801712345678", "sms": "হ্যালো", "csms_id": "c1"})
call = ["-H", "Content-Type: application/json", "-d", body, base + "/api/v3/send-sms"]
answer = json.loads(curl(*call).stdout)
assert answer["status"] == "SUCCESS" and answer["smsinfo"][0]["csms_id"] == "c1", answer
before = len(messages())
fault("taken_and_cut")
cut = curl(*call)
assert cut.returncode != 0, cut
assert len(messages()) == before + 1
print("all as at a real provider")
